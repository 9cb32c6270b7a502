"""A virtual screen for each of several workers: windows on one screen would take the keyboard from each other."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

SIZE = "1920x1200x24"


@contextmanager
def own_screen() -> Iterator[str]:
    """Start a virtual X server with a free number, and make it this process' display.

    Yields
    ------
    str
        The display, ":99" for instance; "" where there is no Xvfb, and the display is left as it is.
    """
    if shutil.which("Xvfb") is None:
        yield ""
        return
    heard, told = os.pipe()
    arguments = ["Xvfb", "-displayfd", str(told), "-screen", "0", SIZE, "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(arguments, pass_fds=(told,), stderr=subprocess.DEVNULL) as server:
        os.close(told)
        try:
            with os.fdopen(heard) as answer:
                number = answer.readline().strip()  # once it takes windows; nothing if it cannot start
            if not number:
                raise RuntimeError("Xvfb did not start")
            before = os.environ.get("DISPLAY")
            os.environ["DISPLAY"] = f":{number}"
            yield f":{number}"
            if before is None:
                del os.environ["DISPLAY"]
            else:
                os.environ["DISPLAY"] = before
        finally:
            server.terminate()
