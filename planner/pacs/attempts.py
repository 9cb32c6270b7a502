"""One request, made again where waiting may help; what went wrong in one line that names neither patient nor secret."""

import time
from collections.abc import Callable
from typing import TypeVar

import requests
from requests.exceptions import ChunkedEncodingError, HTTPError, RequestException, SSLError, Timeout
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random

from planner.errors import PacsError, PlannerError
from planner.io.dicom.datasets import DATASET_DAMAGE
from planner.io.quiet import quiet
from planner.pacs.connection import Connection
from planner.pacs.server import PASSWORD, TOKEN, USER
from planner.progress import Monitor, check_cancelled

_Answer = TypeVar("_Answer")
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
"""What a server that is busy, starting or behind a busy gateway answers."""
_TICK_S = 0.25


def attempt(call: Callable[[], _Answer], connection: Connection, *, monitor: Monitor) -> _Answer:
    """Make one request, again after growing waits where the server is busy or the line drops.

    Parameters
    ----------
    call : callable
        Makes the request and reads the answer; made again, it does the same.
    connection : Connection
        Whom it speaks to.
    monitor : Monitor
        May stop the waiting.

    Returns
    -------
    object
        What the call gives.

    Raises
    ------
    PacsError
        If it failed for good. Nothing of the address but the host is in the message, for patients' numbers stand in it.
    CancelledError
        If the monitor stops the work.
    """
    config, name = connection.config, connection.server.name
    growing = wait_exponential(config.first_wait_s, max=config.longest_wait_s) + wait_random(0, config.first_wait_s / 2)

    def wait_s(state: RetryCallState) -> float:
        return min(max(growing(state), _asked_wait_s(state)), config.longest_wait_s)

    def sleep(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0.0:
            check_cancelled(monitor)
            time.sleep(min(left, _TICK_S))

    patient = Retrying(
        stop=stop_after_attempt(config.attempts),
        wait=wait_s,
        sleep=sleep,
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    try:
        with quiet():
            return patient(call)
    except PlannerError:
        raise
    except (RequestException, *DATASET_DAMAGE, SyntaxError) as error:
        raise PacsError(_said(error, name, given=connection.server.credentials.are_given)) from None


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, HTTPError):
        return error.response is not None and error.response.status_code in _PASSING
    dropped = (requests.ConnectionError, Timeout, ChunkedEncodingError)
    return isinstance(error, dropped) and not isinstance(error, SSLError)


def _asked_wait_s(state: RetryCallState) -> float:
    """Give the wait that a busy server asks for, in seconds; a date there is not read."""
    error = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(error, HTTPError) or error.response is None:
        return 0.0
    asked = error.response.headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0.0


def _said(error: BaseException, name: str, *, given: bool) -> str:
    if isinstance(error, HTTPError) and error.response is not None:
        return _status_said(error.response.status_code, name, given=given)
    if isinstance(error, SSLError):
        return f"{name} shows a certificate that is not trusted; give its authority's with --ca-file"
    if isinstance(error, Timeout):
        return f"{name} does not answer in time; try again later"
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return f"{name} sends the request round in a circle; check --url"
    if isinstance(error, ChunkedEncodingError):
        return f"{name} broke its answer off again and again; try again later, what is whole is kept"
    if isinstance(error, requests.ConnectionError):
        return f"{name} cannot be reached, or drops the connection; check --url and the network"
    return f"{name} answers with what is no DICOMweb; check --url (Orthanc's ends in /dicom-web)"


def _status_said(status: int, name: str, *, given: bool) -> str:
    if status in (401, 403) and not given:
        return f"{name} asks who you are ({status}); set {TOKEN}, or {USER} and {PASSWORD}"
    if status in (401, 403):
        return f"{name} refuses these credentials ({status}); check {TOKEN}, or {USER} and {PASSWORD}"
    if status == 404:
        return f"{name} does not know this study, series or path (404); check the UIDs and --url"
    if status in _PASSING:
        return f"{name} is busy or at fault ({status}) and stayed so; try again later"
    return f"{name} refuses the request ({status}); check --url and what the server allows"
