"""Pseudonyms on the command line; their key never is."""

import argparse
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from planner.cli._options import path

if TYPE_CHECKING:
    from planner.io.dicom.pseudonyms import Pseudonyms

KEY = "CEMENT_PLANNER_PSEUDONYM_KEY"


def add_pseudonyms(parser: argparse.ArgumentParser) -> None:
    """Add whether outputs go under a pseudonym."""
    parser.add_argument(
        "--pseudonymise",
        action="store_true",
        help="let no output tell the patient, the study or a UID of the CT: pseudonyms in their place, the same each "
        f"time for one key, which is taken from {KEY} in the environment or from --key-file. Such a plan cannot be "
        "approved in 'cement-planner view', which knows the CT by its true UIDs; 'push' takes it as a draft",
    )
    parser.add_argument(
        "--key-file", type=path, metavar="FILE", help="file with the key for --pseudonymise, that you alone may read"
    )


def pseudonyms_told(arguments: argparse.Namespace) -> "Pseudonyms | None":
    """Give the pseudonyms that the command line asks for.

    Parameters
    ----------
    arguments : argparse.Namespace
        With what `add_pseudonyms` declares.

    Returns
    -------
    Pseudonyms or None
        None where none are asked for.

    Raises
    ------
    UsageError
        If the key is missing, too short, or readable by others.
    """
    from planner.errors import UsageError

    if not arguments.pseudonymise:
        if arguments.key_file is not None:
            raise UsageError("--key-file goes with --pseudonymise")
        return None
    from planner.io.dicom.pseudonyms import Pseudonyms

    if arguments.key_file is not None:
        return Pseudonyms(_key_in(arguments.key_file))
    told = os.environ.get(KEY, "").strip()
    if not told:
        raise UsageError(
            f"--pseudonymise needs a key: set {KEY}, or give --key-file; make one with 'openssl rand -hex 32' and keep "
            "it: the same key gives the same pseudonyms"
        )
    return Pseudonyms(told.encode("utf-8"))


def _key_in(file: Path) -> bytes:
    from planner.errors import UsageError

    try:
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise UsageError(f"others may read the key in {file.name}; take that from them: chmod 600")
        key = file.read_bytes()
        # A text ends in a line's end; of random bytes one in twenty keys begins or ends like a blank.
        return key.strip() if key.isascii() else key
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise UsageError(f"the key file {file.name} cannot be read: {reason}") from error
