"""``python -m napari_cement``: napari with a CT to plan on, or with a plan. ``cement-planner view`` calls it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from planner.config.plan_config import PlanConfig, load_settings
from planner.errors import PlannerError


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and stay until it is closed.

    Parameters
    ----------
    argv : sequence of str or None
        The words after the module's name; None takes them from the shell.

    Returns
    -------
    int
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="napari_cement", description="Show a CT with its cement plan in napari.")
    parser.add_argument("input", type=Path, metavar="INPUT_OR_OUT")
    parser.add_argument("--ct", type=Path, metavar="INPUT")
    parser.add_argument("--series", metavar="UID")
    parser.add_argument("--settings", type=Path, metavar="FILE.toml")
    arguments = parser.parse_args(argv)
    try:
        config = PlanConfig() if arguments.settings is None else load_settings(arguments.settings)
    except PlannerError as error:
        sys.stderr.write(f"cement-planner: {error}\n")
        return error.exit_code
    if arguments.series is not None:
        config = config.model_copy(update={"series_instance_uid": arguments.series})

    import napari

    from napari_cement._station import open_station
    from napari_cement.widgets.opening.opening import opening_of

    viewer = napari.Viewer(title="Cement plan", show=False)
    open_station(viewer, config)
    viewer.show()
    opening_of(viewer).open(arguments.input, ct=arguments.ct, series=arguments.series, then_plan=True)
    viewer.window._qt_window.showMaximized()  # napari has no public way; its own start is too small for the panel
    napari.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
