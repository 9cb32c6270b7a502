"""``cement-planner volume``: the gaps' volumes, for scripts."""

import argparse
import sys
from typing import TYPE_CHECKING

from planner.cli._options import add_gaps, add_input, add_labels, config_from, load, note_choice
from planner.cli._privacy import add_pseudonyms, pseudonyms_told

if TYPE_CHECKING:
    from planner.model.implant import Implant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    add_input(parser)
    add_labels(parser)
    add_gaps(parser)
    add_pseudonyms(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the gaps as JSON")
    form.add_argument("--csv", action="store_true", help="print the gaps as CSV, with a header")
    parser.add_argument("--name", metavar="WORD", help="with --csv: a first column 'name' with this word in each row")
    parser.add_argument("--no-header", action="store_true", help="with --csv: leave the header out")


def run(arguments: argparse.Namespace) -> int:
    """Measure the gaps and print them.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `add_arguments` declares them.

    Returns
    -------
    int
        The exit code.
    """
    import json

    from planner.cli._monitor import TerminalMonitor
    from planner.errors import UsageError
    from planner.io.volumes_csv import volumes_text
    from planner.report.said import doubts

    if not arguments.csv and (arguments.name is not None or arguments.no_header):
        raise UsageError("--name and --no-header go with --csv")
    config, pseudonyms = config_from(arguments), pseudonyms_told(arguments)
    with TerminalMonitor() as monitor:
        loaded = load(arguments.input, config, monitor=monitor, ahead=("planner.pipeline.labelled",))
        from planner.pipeline import volume_plan_labelled
        from planner.pipeline.pseudonymised import gaps_under_pseudonym, labels_under_pseudonym, under_pseudonym

        with under_pseudonym(loaded, pseudonyms) as scan:
            plan = volume_plan_labelled(
                scan,
                config,
                labels=labels_under_pseudonym(arguments.labels, scan, pseudonyms),
                gaps=gaps_under_pseudonym(arguments.gaps, scan, pseudonyms),
                monitor=monitor,
            )
    note_choice(plan.findings, with_cautions=True)
    if arguments.csv:
        sys.stdout.write(_named(volumes_text(plan), name=arguments.name, header=not arguments.no_header))
    elif arguments.json:
        whose = {implant.id: implant for implant in plan.implants}
        gaps = [{**gap.model_dump(mode="json"), **_of_implant(whose.get(gap.implant_id or ""))} for gap in plan.gaps]
        sys.stdout.write(json.dumps(gaps, indent=2) + "\n")
    else:
        sides = {implant.id: implant.side for implant in plan.implants}
        doubted = doubts(plan.findings)
        for gap in plan.gaps:
            size = gap.volume_ml
            figures = (
                ("-", "-", "-") if size is None else tuple(f"{v:.2f}" for v in (size.estimate, size.low, size.high))
            )
            side = sides.get(gap.implant_id or "") or "-"
            estimate, low, high = figures
            doubt = f"{doubted[gap.id]}: " if gap.id in doubted else ""
            edited = "  edited" if gap.made == "edited" else ""
            size_words = f"{doubt}{estimate} mL ({low} to {high}){edited}"
            sys.stdout.write(f"{gap.id}  {gap.implant_id or '-'}  {side}  {gap.kind}  {size_words}\n")
    return 0


def _of_implant(implant: "Implant | None") -> dict[str, str | None]:
    """Give what the table tells of a gap's implant; None where there is none, or the scan cannot tell."""
    if implant is None:
        return {"side": None, "implant_kind": None, "loosening": None}
    return {"side": implant.side, "implant_kind": implant.kind, "loosening": implant.loosening}


def _named(table: str, *, name: str | None, header: bool) -> str:
    """Put a first column before a table in CSV, and take its header off where that is not wanted."""
    import csv
    import io

    rows = list(csv.reader(io.StringIO(table)))
    if name is not None:
        rows = [["name", *row] if number == 0 else [name, *row] for number, row in enumerate(rows)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows if header else rows[1:])
    return out.getvalue()
