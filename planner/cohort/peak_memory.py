"""The most memory that this process held since a moment."""

from pathlib import Path

_PROCESS = Path("/proc/self")


def forget_peak() -> bool:
    """Let the peak be counted from now on.

    Returns
    -------
    bool
        False where the system cannot do that; then `peak_mib` tells of the process's whole life.
    """
    try:
        # Linux: the resident set's high-water mark falls to what is held now (proc(5), clear_refs).
        (_PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_mib() -> float | None:
    """Give the most memory that this process held.

    Returns
    -------
    float or None
        MiB in memory, to a tenth; None where the system does not tell.
    """
    try:
        lines = (_PROCESS / "status").read_text().splitlines()
        held = next(line for line in lines if line.startswith("VmHWM:"))
        return round(int(held.split()[1]) / 1024.0, 1)
    except (OSError, StopIteration, IndexError, ValueError):
        return None
