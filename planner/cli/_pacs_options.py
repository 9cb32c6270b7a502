"""Options of the commands that speak to a picture archive."""

import argparse
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from planner.cli._options import path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planner.pacs.connection import Connection

PATIENT_ID, ACCESSION = "CEMENT_PLANNER_PATIENT_ID", "CEMENT_PLANNER_ACCESSION"
"""Where a patient's numbers may be taken from instead of the command line, which other users can read."""


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add where the server is."""
    parser.add_argument(
        "--url",
        required=True,
        help="where the DICOMweb services begin: https://host:port/dicom-web; credentials come from "
        "CEMENT_PLANNER_DICOMWEB_TOKEN, or _USER and _PASSWORD, in the environment",
    )
    parser.add_argument("--ca-file", type=path, metavar="FILE.pem", help="certificates to trust instead of the usual")
    parser.add_argument("--plain-http", action="store_true", help="allow http to another machine: nothing is encrypted")


@contextmanager
def connected(arguments: argparse.Namespace) -> "Iterator[Connection]":
    """Open the line to the server of the command line.

    Parameters
    ----------
    arguments : argparse.Namespace
        With what `add_server` declares.

    Yields
    ------
    Connection

    Raises
    ------
    UsageError
        If the address or the credentials cannot be used, or the extra ``pacs`` is not installed.
    """
    from planner.config.pacs_config import PacsConfig
    from planner.pacs.extra import require_extra
    from planner.pacs.server import server_at

    server = server_at(
        arguments.url, environment=os.environ, ca_file=arguments.ca_file, plain_http=arguments.plain_http
    )
    require_extra()
    from planner.pacs.connection import Connection

    with Connection(server, PacsConfig()) as connection:
        yield connection


def told_aside(word: str | None, variable: str) -> str | None:
    """Take a word that may name a patient: as typed, from stdin where it is "-", or from the environment.

    Parameters
    ----------
    word : str or None
        Of the command line.
    variable : str
        The variable's name.

    Returns
    -------
    str or None
        None where nobody told one.
    """
    if word == "-":
        return sys.stdin.readline().strip() or None
    return word or os.environ.get(variable) or None
