"""The line to a server: where requests may go, as whom, and how much may come back."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import ChunkedEncodingError

from planner.config.pacs_config import PacsConfig
from planner.errors import PacsError
from planner.pacs.server import Server, origin_of

_TAIL_BYTES = 256
"""A multipart boundary has at most 70 characters (RFC 2046 5.1.1), and stray bytes may follow it."""
_WHOLE_IN_ONE = 1 << 31
"""Larger uploads would be chunked, which some servers do not take."""


class Connection:
    """A server with what is needed to speak to it.

    Parameters
    ----------
    server : Server
        Whom to speak to.
    config : PacsConfig
        How patiently.
    """

    def __init__(self, server: Server, config: PacsConfig) -> None:
        self.server, self.config = server, config
        self._session = _Session(server, config)
        self.client = DICOMwebClient(
            server.url,
            session=self._session,
            chunk_size=_WHOLE_IN_ONE,
            timeout=(config.connect_s, config.read_s),
        )
        # Its own attempts stop at a dropped connection, and do not wait as long as the server asks.
        self.client.set_http_retry_params(retry=False)

    def store(self, study: str, content: bytes) -> Dataset:
        """Send a DICOM file to a study, byte for byte.

        Parameters
        ----------
        study : str
            Study Instance UID.
        content : bytes
            The file. dicomweb-client's own `store_instances` would write a dataset anew, and what its character set
            cannot hold as question marks: perhaps another patient's number.

        Returns
        -------
        Dataset
            What the server says (PS3.18 table 10.5.3-1); empty where it says nothing.

        Raises
        ------
        RequestException
            If it cannot be sent, or is refused.
        """
        url = f"{self.server.url}/studies/{study}"
        return self.client._http_post_multipart_application_dicom(url, [content])  # no public way

    def __enter__(self) -> "Connection":
        """Keep the line open."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close it."""
        self._session.close()


class _Auth(AuthBase):
    """Puts the credentials into a request; also where there are none, or requests would look into ~/.netrc."""

    def __init__(self, server: Server) -> None:
        self._credentials = server.credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        told = self._credentials
        if told.token is not None:
            request.headers["Authorization"] = f"Bearer {told.token}"
        elif told.user is not None and told.password is not None:
            pair = (told.user.encode("utf-8"), told.password.encode("utf-8"))  # RFC 7617 2.1
            requests.auth.HTTPBasicAuth(*pair)(request)
        return request


class _Session(requests.Session):
    """Stays with one server, and takes no more from it than is allowed."""

    def __init__(self, server: Server, config: PacsConfig) -> None:
        super().__init__()
        self._server = server
        self.auth = _Auth(server)
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Bounded(config))

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Let the certificates that the user named win over those of the environment, and ask no proxy for ourselves.

        Returns
        -------
        mapping
            As `requests.Session` makes it.
        """
        settings: dict[str, Any] = dict(super().merge_environment_settings(url, proxies, stream, verify, cert))
        if self._server.ca_file is not None:
            settings["verify"] = str(self._server.ca_file)
        if self._server.is_loopback:
            settings["proxies"] = {}
        return settings

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Take out the Host that dicomweb-client sets: it lacks the port, and halves an IPv6 address.

        Returns
        -------
        PreparedRequest
        """
        prepared = super().prepare_request(request)
        prepared.headers.pop("Host", None)
        return prepared

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Keep the credentials as they are: a redirect stays with the server, and requests would look into ~/.netrc."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Follow to another path only: another host would be handed the patient, and perhaps the token.

        Returns
        -------
        str or None
        """
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        to = origin_of(urljoin(resp.url, target))
        if to != self._server.origin or resp.request.method != "GET":
            resp.close()
            raise PacsError(
                f"{self._server.name} sends the request on to another address, which is not followed; give the "
                "server's own address with --url"
            )
        return target


class _Bounded(HTTPAdapter):
    """Counts what comes back."""

    def __init__(self, config: PacsConfig) -> None:
        super().__init__()
        self._config = config

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Put the count between the wire and the reader.

        Returns
        -------
        Response
        """
        response = super().build_response(req, resp)
        kind = response.headers.get("Content-Type", "").lower()
        dicom = kind.startswith(("multipart/related", "application/dicom")) and "json" not in kind
        most = self._config.most_instance_bytes if dicom else self._config.most_answer_bytes
        response.raw = _Body(resp, most, _closing_mark(response.headers.get("Content-Type", "")))
        return response


class _Body:
    """An answer's body that ends where it is too long, and must not end before its own mark."""

    def __init__(self, raw: Any, most_bytes: int, closing: bytes | None) -> None:
        self._raw, self._most, self._closing = raw, most_bytes, closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, amount: int, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: FBT001  # urllib3's
        """Pass the body on, unpacked, piece by piece.

        Yields
        ------
        bytes

        Raises
        ------
        PacsError
            If it is too long.
        ChunkedEncodingError
            If it ends early: with no length in its head nothing else would tell.
        """
        seen, tail = 0, b""
        for chunk in self._raw.stream(amount, decode_content=decode_content):
            seen += len(chunk)
            if seen > self._most:
                self._raw.close()
                raise PacsError(f"the server's answer is longer than {self._most >> 20} MiB and was refused")
            tail = (tail + chunk)[-_TAIL_BYTES:]
            yield chunk
        if self._closing is not None and self._closing not in tail:
            self._raw.close()
            raise ChunkedEncodingError("the answer ends before its end")


def _closing_mark(content_type: str) -> bytes | None:
    """Give what a multipart answer ends with; None where it is of one part."""
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    if kind.lower() != "multipart/related":
        return None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "boundary" and value:
            return b"--" + value.strip().strip('"').encode("latin-1") + b"--"
    return None
