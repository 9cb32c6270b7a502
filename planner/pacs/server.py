"""Which server is spoken to, and as whom: judged before anything is sent."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from planner.errors import UsageError

TOKEN, USER, PASSWORD = (f"CEMENT_PLANNER_DICOMWEB_{word}" for word in ("TOKEN", "USER", "PASSWORD"))
"""Where credentials are taken from: other users of a machine see command lines, but not the environment."""
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks; in no representation, so that no log or error shows it.

    Parameters
    ----------
    token : str or None
        A bearer token (RFC 6750).
    user, password : str or None
        For basic authentication (RFC 7617).
    """

    token: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def are_given(self) -> bool:
        """Whether there are any."""
        return self.token is not None or self.user is not None


@dataclass(frozen=True, slots=True)
class Server:
    """A DICOMweb service.

    Parameters
    ----------
    url : str
        Where its services begin, without a slash at the end: QIDO-RS is asked at ``url/studies``.
    credentials : Credentials
        Who asks.
    ca_file : Path or None
        Certificates to trust instead of the usual ones.
    """

    url: str
    credentials: Credentials = field(default_factory=Credentials)
    ca_file: Path | None = None

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: requests stay there."""
        return origin_of(self.url)

    @property
    def name(self) -> str:
        """What messages call it: the host alone."""
        return self.origin[1]

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        return _is_loopback(self.origin[1])


def server_at(
    url: str, *, environment: Mapping[str, str], ca_file: Path | None = None, plain_http: bool = False
) -> Server:
    """Judge an address and take the credentials for it.

    Parameters
    ----------
    url : str
        ``https://host/path``; ``http://`` on this machine only, or with ``plain_http``.
    environment : mapping of str to str
        May hold `TOKEN`, or `USER` and `PASSWORD`.
    ca_file : Path or None
        Certificates (PEM) to trust instead of the usual ones.
    plain_http : bool
        Whether patients and credentials may cross the network unencrypted.

    Returns
    -------
    Server

    Raises
    ------
    UsageError
        If the address or the credentials cannot be used. The message holds neither: a password may stand in both.
    """
    parts = _parts(url)
    if parts.scheme == "http" and not (plain_http or _is_loopback(parts.hostname or "")):
        raise UsageError(
            "--url is plain http: patients and credentials would cross the network unencrypted; give https, or "
            "--plain-http where the network is your own"
        )
    if ca_file is not None and not ca_file.is_file():
        raise UsageError(f"there is no certificate file {ca_file}; give one in PEM (--ca-file)")
    return Server(url.rstrip("/"), _credentials(environment), ca_file)


def origin_of(url: str) -> tuple[str, str, int]:
    """Give where a URL leads.

    Parameters
    ----------
    url : str
        Absolute, http or https.

    Returns
    -------
    tuple of (str, str, int)
        Scheme, host and port.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_one = parts.port != 0
    except ValueError:
        raise UsageError("--url is no address; write it as https://host:port/dicom-web") from None
    if "@" in parts.netloc:
        raise UsageError(
            f"--url holds a user or a password, which other users of this machine can read; take them out and set "
            f"{USER} and {PASSWORD}, or {TOKEN}"
        )
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in _PORTS or not parts.hostname or not plain or not port_is_one:
        raise UsageError("--url is no address; write it as https://host:port/dicom-web")
    if parts.query or parts.fragment:
        raise UsageError("--url ends in '?' or '#'; give only where the server's DICOMweb services begin")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credentials(environment: Mapping[str, str]) -> Credentials:
    token, user, password = (environment.get(name) or None for name in (TOKEN, USER, PASSWORD))
    if token is not None and user is not None:
        raise UsageError(f"{TOKEN} and {USER} are both set; unset one of them")
    if (user is None) != (password is None):
        raise UsageError(f"one of {USER} and {PASSWORD} is not set; set both or neither")
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError(f"{TOKEN} holds blanks, line ends or other letters that no token has; set it anew")
    if user is not None and (":" in user or not f"{user}{password}".isprintable()):
        raise UsageError(f"{USER} holds a colon, or {PASSWORD} a line end, which basic authentication cannot carry")
    return Credentials(token, user, password)
