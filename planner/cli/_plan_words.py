"""A plan in a few lines, for terminals."""

from planner.model.plan import Plan
from planner.model.proposal import no_candidate, proposal_of
from planner.report.leak_lines import leaks_in_a_line
from planner.report.leaks import leaks_of
from planner.report.said import doubts
from planner.report.words import upwards


def describe(plan: Plan) -> str:
    """Tell a plan in a few lines for a terminal.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    str
        Without a line end; what was not measured is said so.
    """
    lines = [f"{len(plan.implants)} implants, {len(plan.gaps)} gaps, {len(plan.trajectories)} needles"]
    lines.extend(f"  {message}" for message in no_candidate(plan.findings))
    doubted = doubts(plan.findings)
    sides = {implant.id: implant.side for implant in plan.implants}
    for gap in plan.gaps:
        volume = gap.volume_ml
        size = (
            "volume not measured"
            if volume is None
            else f"{volume.estimate:.2f} mL ({volume.low:.2f}-{volume.high:.2f})"
        )
        if gap.id in doubted:
            size = f"{doubted[gap.id]}; {size}"
        if gap.made == "edited":
            size = f"edited; {size}"
        side = sides.get(gap.implant_id or "")
        ways = sum(t.gap_id == gap.id for t in plan.trajectories)
        leaks = [b for b in plan.breaches if b.gap_id == gap.id]
        where = " ".join(word for word in (gap.implant_id, side) if word)
        count = "1 breach" if len(leaks) == 1 else f"{len(leaks)} breaches"
        line = leaks_in_a_line(leaks_of(plan, gap))
        first = f" ({line})" if line else ""
        lines.append(f"  {gap.id} at {where}: {size}, {ways} needles, {count}{first}")
    lines.extend(_proposed(plan))
    lines.extend(_picked(plan))
    said = ("no-candidate", "gap-not-reliable")
    warnings = [f for f in plan.findings if f.severity == "warning" and f.code not in said]
    lines.extend(f"  warning: {finding.message}" for finding in warnings)
    cautions = sorted({finding.code.replace("-", " ") for finding in plan.findings if finding.severity == "caution"})
    if cautions:
        lines.append(f"  cautions, told in report.html: {', '.join(cautions)}")
    return "\n".join(lines)


def _proposed(plan: Plan) -> list[str]:
    """Say which needles are proposed together, and how much cement they call for; nothing where none is."""
    sitting = proposal_of(plan)
    if sitting is None:
        return []
    cement = "cement not simulated" if sitting.cement_ml is None else f"{sitting.cement_ml:.1f} mL of cement to inject"
    if sitting.to_prepare_ml is not None:
        cement += f" ({upwards(sitting.to_prepare_ml)} mL with what stays in the needles)"
    count = "1 needle" if sitting.needles == 1 else f"{sitting.needles} needles"
    sets = (f"{one.implant_id or one.gap_ids[0]}: {', then '.join(one.trajectory_ids)}" for one in sitting.sets)
    turns = (f"one after the other, no room for both: {' and '.join(pair)}" for pair in sitting.in_turn)
    return [f"  proposed: {count}, {cement}", *(f"    {line}" for line in (*sets, *turns))]


def _picked(plan: Plan) -> list[str]:
    """Say of each target picked by hand where it lies, and how many needles reach it."""
    lines = []
    for target in plan.picked_targets:
        count = {0: "no safe needle", 1: "1 needle"}.get(len(target.ways), f"{len(target.ways)} needles")
        lines.append(f"  {target.id} picked by hand, {target.gap_id or 'in no gap that was told'}: {count}")
    return lines
