"""One command, timed by a process that holds next to nothing: ``python benchmarks/speed_once.py COMMAND...``.

A child's peak memory counts what its parent held when it was begun; a benchmark that holds a CT must not start it.
Prints one line of JSON: seconds on the wall and of all cores, peak memory, exit code, the end of its complaints.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run what the command line says, and tell of it."""
    start = time.perf_counter()
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    complained = child.stderr.read() if child.stderr is not None else ""
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    told = {
        "seconds": seconds,
        "worked_s": used.ru_utime + used.ru_stime,
        # macOS counts in bytes, Linux in KiB
        "peak_mb": used.ru_maxrss / 1e6 if sys.platform == "darwin" else used.ru_maxrss * 1024 / 1e6,
        "exit_code": child.returncode,
        "complained": complained.strip()[-300:],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
