"""Risk factors for leakage that come out of the plan itself: cortical defect, injected volume, cement viscosity."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from planner.model.anatomy import Anatomy
from planner.model.breach import Breach, LeakType
from planner.model.cement_fill import CementViscosity
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.needle import NeedleSet
from planner.model.plan import RiskFactor

_PAPER = "doi 10.12307/2025.427"
_NO_DEFECT: frozenset[LeakType] = frozenset(("screw_tract", "venous"))
"""Ways out that are no defect of the cortex: the implant's own entry, and vessels' channels."""
_Place = tuple[str | None, str | None, str]
"""Level, bone, and the gap where neither is known."""


def leak_risk_factors(
    anatomy: Anatomy,
    gaps: Sequence[Gap],
    breaches: Sequence[Breach],
    needle_sets: Sequence[NeedleSet],
    *,
    findings: Iterable[Finding],
    viscosity: CementViscosity | None = None,
    viscosity_pa_s: float | None = None,
) -> tuple[RiskFactor, ...]:
    """Give the risk factors that follow from breaches, planned cement and settings.

    Parameters
    ----------
    anatomy : Anatomy
        Gaps, bones and implants.
    gaps : sequence of Gap
        The gaps as measured.
    breaches : sequence of Breach
        As found in the gaps' walls.
    needle_sets : sequence of NeedleSet
        Those that are proposed, with the cement that they are planned to take.
    findings : iterable of Finding
        What was said of the gaps: which are not to be relied on.
    viscosity : {"low", "medium", "high"} or None
        The cement's, as set; None leaves it out.
    viscosity_pa_s : float or None
        The same in figures, Pa s; None where the settings have none.

    Returns
    -------
    tuple of RiskFactor
        Bone by bone, where it holds a gap. "cortical defect": open area of the gaps' walls, mm2; 0 where they were
        read and are whole, None where a wall cannot be read. "injected volume": cement to prepare for the needle
        sets that are proposed, mL; left out where no needle is planned, None where it was not simulated. "cement
        viscosity": once, for the plan.

    Notes
    -----
    The factors are those of Chen 2025 (doi 10.12307/2025.427). No probability is made of them: the paper's was fitted
    on vertebroplasties of fractures, not on loosened implants.
    """
    places = _places(anatomy, gaps)
    unread = {f.gap_id for f in findings if f.code == "gap-not-reliable" and f.gap_id is not None}
    by_place: dict[_Place, list[str]] = {}
    for gap in gaps:
        by_place.setdefault(places[gap.id], []).append(gap.id)
    factors: list[RiskFactor] = []
    for (level, bone, _), gap_ids in by_place.items():
        area, words = _open_area(gap_ids, breaches, unread)
        factors.append(
            RiskFactor(
                name="cortical defect",
                measured=area,
                unit="mm²",
                level=level,
                source=f"{words}; a defect of the cortex is a risk ({_PAPER})",
                bone=bone,
            )
        )
        sets = [chosen for gap_id in gap_ids if (chosen := _fullest(gap_id, needle_sets)) is not None]
        if sets:
            factors.append(
                RiskFactor(
                    name="injected volume",
                    measured=_sum([one.cement_ml for one in sets]),
                    unit="mL",
                    level=level,
                    source=f"to prepare for {', '.join(gap_id for one in sets for gap_id in one.gap_ids)}: simulated "
                    f"up to the first leak to stop for, or the end; more cement is a risk ({_PAPER})",
                    bone=bone,
                )
            )
    if gaps and viscosity is not None:
        factors.append(_viscosity(viscosity, viscosity_pa_s))
    return tuple(factors)


def _viscosity(viscosity: CementViscosity, pa_s: float | None) -> RiskFactor:
    return RiskFactor(
        name="cement viscosity",
        measured=pa_s,
        unit="Pa·s",
        level=None,
        source=f"as set, not measured: {viscosity}; thin cement leaks more ({_PAPER})",
    )


def _places(anatomy: Anatomy, gaps: Sequence[Gap]) -> Mapping[str, _Place]:
    """Say in which bone, and at which level, each gap lies: in the bone that holds most of its voxels."""
    spaces = {space.id: space for space in anatomy.gaps}
    places: dict[str, _Place] = {}
    for gap in gaps:
        space, bone = spaces.get(gap.id), None
        if space is not None:
            cells = tuple(np.nonzero(space.mask.voxels))
            held = [(int(np.count_nonzero(one.mask.voxels[cells])), one) for one in anatomy.bones]
            most = max(held, key=lambda pair: pair[0], default=None)
            bone = most[1] if most is not None and most[0] > 0 else None
        implant = anatomy.implant(gap.implant_id)
        level = gap.level or (implant.level if implant else None) or (bone.level if bone else None)
        name = bone.name if bone else None
        places[gap.id] = (level, name, gap.id if level is None and name is None else "")
    return places


def _open_area(gap_ids: Sequence[str], breaches: Iterable[Breach], unread: set[str]) -> tuple[float | None, str]:
    """Give the open area of some gaps' walls, mm2, and how it came about."""
    through = [b for b in breaches if b.gap_id in gap_ids and b.severity == "open" and b.leak_type not in _NO_DEFECT]
    known = sum(b.area_mm2 for b in through if b.area_mm2 is not None)
    of = f"open area of the wall round {', '.join(gap_ids)}"
    blind = [gap_id for gap_id in gap_ids if gap_id in unread]
    unsized = [b.id for b in through if b.area_mm2 is None]
    if not blind and not unsized:
        return round(float(known), 1), f"{of}, {_counted(through)}"
    why = " and ".join(
        (*([f"the wall of {', '.join(blind)} cannot be read"] if blind else []),
         *([f"the size of {', '.join(unsized)} is not known"] if unsized else []))
    )  # fmt: skip
    # zero would say that the wall is whole
    return (round(float(known), 1), f"{of}, at least: {why}") if known > 0.0 else (None, f"{of}: {why}")


def _counted(through: Sequence[Breach]) -> str:
    return {0: "no open place seen", 1: "1 place"}.get(len(through), f"{len(through)} places")


def _fullest(gap_id: str, needle_sets: Iterable[NeedleSet]) -> NeedleSet | None:
    """Give the set of most needles for a gap; of equal ones the first."""
    mine = [one for one in needle_sets if gap_id == one.gap_ids[0]]
    return max(mine, key=lambda one: len(one.trajectory_ids), default=None)


def _sum(volumes: Sequence[float | None]) -> float | None:
    known = [v for v in volumes if v is not None]
    return round(sum(known), 2) if known and len(known) == len(volumes) else None
