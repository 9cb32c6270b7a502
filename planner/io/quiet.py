"""Libraries that complain on their own, kept quiet while they read.

Their complaints quote what is in the file, or the patient's number that a server is asked for.
"""

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator

_LOGS = (
    *("pydicom", "nibabel.global", "dicomweb_client.web", "dicomweb_client.uri"),
    *("urllib3.connection", "urllib3.connectionpool", "urllib3.response", "urllib3.util.retry"),
)
_LOCK = threading.Lock()
_inside = 0
_kept = contextlib.ExitStack()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the readers' warnings and logs while a file is read; may be entered by several threads at once.

    Yields
    ------
    None
        Python keeps one list of warning filters for all threads: it is set by the first to come, restored by the last
        to go.
    """
    global _inside
    with _LOCK:
        if _inside == 0:
            _kept.enter_context(_silence())
        _inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if _inside == 0:
                _kept.close()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    logs = [logging.getLogger(name) for name in _LOGS]
    were = [log.disabled for log in logs]
    for log in logs:
        log.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, was in zip(logs, were, strict=True):
            log.disabled = was


@contextlib.contextmanager
def hushed_stderr() -> Iterator[None]:
    """Keep what C++ writes to the terminal from it: MetaIO complains past ITK's own switch.

    Yields
    ------
    None
        Other threads' errors are lost meanwhile, so keep it short.
    """
    try:
        kept = os.dup(2)
    except OSError:  # no terminal, nothing to keep quiet
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
