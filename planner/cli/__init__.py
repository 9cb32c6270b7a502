"""The command line: one module per command, loaded when it is called.

Every command module has ``SUMMARY`` (one line of help), ``add_arguments(parser)`` and ``run(arguments) -> int``. The
heavy imports stand inside ``run``, so that ``--help`` answers at once.
"""

import argparse
import errno
import os
import re
import signal
import sys
import types
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from planner import __version__
from planner.errors import CancelledError, InputError, NoImplantError, OutputError, PlannerError

COMMANDS = {
    "plan": "plan on a CT: implants, gaps, breaches, needles, views",
    "volume": "measure the gaps' volumes only, one line a gap",
    "check": "judge a trajectory of one's own",
    "fluoro": "take one simulated fluoroscopy picture",
    "inspect": "say what is in a folder or file, from headers only",
    "demo": "plan every sample series that comes with the program",
    "view": "open napari with the plan laid over the CT",
    "phantom": "write a synthetic CT beside its exact truth",
    "pull": "fetch a CT from a picture archive (DICOMweb)",
    "cohort": "plan many studies side by side, and sum them up in tables and on a page",
    "push": "send a plan's DICOM objects to a picture archive (DICOMweb)",
    "schema": "print the JSON Schema of plan.json: every field, its unit and its frame",
}

_NEGATIVE_POINT = re.compile(r"-[\d.]+,")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What the system says when a result has no room."""

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "1")
"""Many small matrices are solved, one after the other: threads that wait for each other took a quarter of a hip's time.
The setting is read when numpy is loaded, and the user's own stands."""


class _EndedError(KeyboardInterrupt):
    """The system, or another program, asked this one to end."""


class _InterruptedError(KeyboardInterrupt):
    """The user pressed Ctrl-C.

    ``python -m`` ends by the signal, whatever code it was given, once a bare KeyboardInterrupt has passed through
    ``exec`` of a text, which dataclasses and compiled kernels do while they are loaded; not so for a kind of its own.
    """


def _parser(command: str | None) -> argparse.ArgumentParser:
    """Build the parser; only the named command's own options are loaded."""
    parser = argparse.ArgumentParser(
        prog="cement-planner",
        description="Plan percutaneous cement injection round loosened implants, from CT. For research and planning "
        "support; not a certified medical device.",
    )
    parser.add_argument("--version", action="version", version=f"cement-planner {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == command:
            import_module(f"planner.cli.{name}").add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str or None
        The words after the program's name; None takes them from the shell.

    Returns
    -------
    int
        The exit code: 0 done, 2 wrong usage, 3 input unusable, 4 no implant, 5 stopped by the user, 6 output cannot be
        written. A fault of the program is raised, and ends Python with 1.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if "numpy" not in sys.modules:
        os.environ.setdefault(*_ONE_THREAD)
    command = next((word for word in words if word in COMMANDS), None)
    arguments = _parser(command).parse_args(_with_points(words))
    previous = _listen() if _in_main_thread() else {}
    try:
        exit_code = int(import_module(f"planner.cli.{arguments.command}").run(arguments))
        sys.stdout.flush()
        return exit_code
    except PlannerError as error:
        return _say(_naming_input(str(error), arguments, error.exit_code), error.exit_code)
    except _EndedError:
        return _say("stopped; nothing was written", CancelledError.exit_code)
    except KeyboardInterrupt:
        return _say("stopped by the user; nothing was written", CancelledError.exit_code)
    except BrokenPipeError:
        # Whoever read our output (``head``, say) has had enough: no error of ours, and nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in _FULL:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _say(f"the result cannot be written: {(error.strerror or 'no room').lower()}", OutputError.exit_code)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _naming_input(message: str, arguments: argparse.Namespace, exit_code: int) -> str:
    """Begin what is said of an unusable input with its name, so that it can be told from others in a log."""
    source = getattr(arguments, "input", None)
    if exit_code not in (InputError.exit_code, NoImplantError.exit_code) or source is None or source.name in message:
        return message
    return f"{source.name}: {message}"


def _say(message: str, exit_code: int) -> int:
    one_line = " ".join(message.split())
    sys.stderr.write(f"cement-planner: {one_line}\n")
    return exit_code


def _with_points(words: list[str]) -> list[str]:
    """Join a point to its option (``--entry=-20,80,0``): argparse takes a word with a leading minus for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in ("--entry", "--target", "--aim") and _NEGATIVE_POINT.match(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _in_main_thread() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()


def _listen() -> dict[signal.Signals, Any]:
    """Take requests to end; what listened before is returned. A caller that ignores Ctrl-C goes on ignoring it."""
    previous: dict[signal.Signals, Any] = {signal.SIGTERM: signal.signal(signal.SIGTERM, _stop)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        previous[signal.SIGINT] = signal.signal(signal.SIGINT, _interrupt)
    return previous


def _stop(number: int, frame: types.FrameType | None) -> None:
    """Turn a polite request to end into the same path as Ctrl-C, so that half-written output is taken away."""
    raise _EndedError


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    raise _InterruptedError
