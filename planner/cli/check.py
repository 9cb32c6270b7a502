"""``cement-planner check``: one's own trajectory, judged."""

import argparse
import sys

from planner.cli._options import add_gaps, add_input, add_labels, config_from, load, point


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    add_input(parser)
    add_labels(parser)
    add_gaps(parser)
    parser.add_argument("--entry", type=point, required=True, metavar="x,y,z", help="a point outside of bone, LPS mm")
    parser.add_argument("--target", type=point, required=True, metavar="x,y,z", help="the needle's tip, LPS mm")
    parser.add_argument("--needle", default="15G", metavar="GAUGE", help="needle of the catalogue (default: 15G)")
    parser.add_argument("--json", action="store_true", help="print the trajectory and its violations as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Judge the needle and say what it breaks.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `add_arguments` declares them.

    Returns
    -------
    int
        The exit code; 0 also for an unsafe needle, for judging it is what was asked.
    """
    import json

    from planner.cli._monitor import TerminalMonitor
    from planner.needles.catalogue import catalogue_of, needle_named
    from planner.pipeline import check_trajectory, plan_labelled
    from planner.report.check_words import judged_in_words

    config = config_from(arguments)
    # a wrong name is said before any work is done
    needle_named(arguments.needle, catalogue=catalogue_of(config.needles.catalogue))
    with TerminalMonitor() as monitor:
        scan = load(arguments.input, config, monitor=monitor)
        case = plan_labelled(scan, config, labels=arguments.labels, gaps=arguments.gaps, keep=False, monitor=monitor)
        judged = check_trajectory(case, arguments.entry, arguments.target, arguments.needle, config=config)
    way = judged.trajectory
    if arguments.json:
        document = {
            "safe": judged.safe,
            "violations": list(judged.violations),
            "off_target_mm": judged.off_target_mm,
            "trajectory": way.model_dump(mode="json"),
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return 0
    gap_id = way.gap_id if any(gap.id == way.gap_id for gap in case.plan.gaps) else None
    told = judged_in_words(way, judged.violations, off_target_mm=judged.off_target_mm, gap_id=gap_id)
    sys.stdout.write(f"{told}\n")
    return 0
