"""How the report says things: plain words for the plan's terms, numbers with their units, "not measured" for None."""

import math
import re
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from planner.config.gantry import GantryLimits
from planner.fluoro.console import console_angles_deg
from planner.fluoro.overlay import angles_text
from planner.model.carm import BullsEye, CArm, NeedleView
from planner.model.gap import Interval
from planner.model.plan import PatientPosition
from planner.model.record import PointLps
from planner.model.view_sight import GapView, ViewKind, ViewSight

_WHOLE_FROM = 100.0
"""Numbers from here on are written without decimals."""
_ID = re.compile(r"\b[a-z]+-\d+\b")
NOT_MEASURED = Markup('<span class="none">not measured</span>')

KINDS: dict[str, str] = {
    "cup_screw": "screw of the cup",
    "femoral": "to the hip",
    "acetabular_cup": "cup",
    "screw_halo": "halo round a screw",
    "periprosthetic_gap": "gap between implant and bone",
    "cage_interface": "gap at a cage",
    "fracture_level": "fractured level",
    "cobalt_chrome_or_steel": "cobalt-chrome or steel",
    "pmma": "bone cement",
    "screw_tract": "along the screw's track",
    "cortical": "through the outer bone",
    "canal": "into the spinal canal",
    "foramen": "into a nerve's foramen",
    "disc": "into the disc",
    "joint": "into the joint",
    "fracture": "through a fracture",
    "venous": "into a vein",
}
"""Words for terms that do not read well with their underscores taken out."""

POSITIONS: dict[PatientPosition, str] = {
    "HFS": "head first, on the back",
    "HFP": "head first, face down",
    "HFDR": "head first, on the right side",
    "HFDL": "head first, on the left side",
    "FFS": "feet first, on the back",
    "FFP": "feet first, face down",
    "FFDR": "feet first, on the right side",
    "FFDL": "feet first, on the left side",
}
"""DICOM patient positions in words."""


def plain(term: str | None) -> Markup:
    """Write one of the plan's terms in plain words; None reads "not measured"."""
    if term is None:
        return NOT_MEASURED
    return escape(KINDS.get(term, term.replace("_", " ")))


def unbroken(text: str) -> Markup:
    """Keep the ids in a text ("breach-3") from being broken over two lines."""
    return Markup(_ID.sub(r'<span class="nowrap">\g<0></span>', str(escape(text))))


def position(code: PatientPosition | None) -> Markup:
    """Write a patient position in words with its DICOM code."""
    return Markup('<span class="none">not stated</span>') if code is None else escape(f"{POSITIONS[code]} ({code})")


def number(value: float | None, unit: str = "", digits: int = 1) -> Markup:
    """Write a number with its unit; None reads "not measured"."""
    if value is None:
        return NOT_MEASURED
    text = f"{value:z.{digits}f}".replace("-", "−")
    return escape(f"{text}{_space(unit)}{unit}")


def upwards(value_ml: float) -> str:
    """Write an amount to have at hand, mL, rounded up to tenths: less would not do."""
    return f"{math.ceil(round(10.0 * value_ml, 3)) / 10.0:.1f}"


def general(value: float | None, unit: str | None = "") -> Markup:
    """Write a number of unknown size with its unit, a share ("1") in per cent; None reads "not measured"."""
    if value is None:
        return NOT_MEASURED
    if unit == "1":
        return percent(value)
    text = (f"{value:z.0f}" if abs(value) >= _WHOLE_FROM else f"{value:z.3g}").replace("-", "−")
    return escape(f"{text}{_space(unit)}{unit or ''}")


def percent(share: float | None) -> Markup:
    """Write a share of a whole in per cent, less than all of it never as 100 %; None reads "not measured"."""
    return NOT_MEASURED if share is None else number(whole_percent(share), "%", 0)


def whole_percent(share: float) -> int:
    """Round a share to whole per cent, but not up to 100."""
    rounded = round(100.0 * share)
    return 99 if rounded == 100 and share < 1.0 else rounded


def interval(value: Interval | None, unit: str) -> Markup:
    """Write an estimate with its 90 % interval below; None reads "not measured"."""
    if value is None:
        return NOT_MEASURED
    spread = f"{value.low:.2f}–{value.high:.2f}"
    return Markup("<b>{}</b><small>{}</small>").format(number(value.estimate, unit, 2), spread)


def view(angles: BullsEye | CArm | None) -> Markup:
    """Write a C-arm view as it is spoken, "LAO 20 CRAN 10"; None reads "not measured"."""
    return NOT_MEASURED if angles is None else escape(angles_text(angles.primary_deg, angles.secondary_deg) + "°")


def console(angles: NeedleView | ViewSight) -> Markup:
    """Write what to dial at the console, signed whole degrees."""
    return escape(f"{_signed(angles.console_primary_deg)}° / {_signed(angles.console_secondary_deg)}°")


def along(angles: BullsEye, position: PatientPosition, gantry: GantryLimits) -> NeedleView:
    """Give the view along an implant with what to dial at the console.

    Parameters
    ----------
    angles : BullsEye
        For a patient head first and supine.
    position : str
        How the patient will lie.
    gantry : GantryLimits
        How far the C-arm turns.

    Returns
    -------
    NeedleView
    """
    primary, secondary = console_angles_deg(angles.primary_deg, angles.secondary_deg, position)
    return NeedleView(
        primary_deg=angles.primary_deg,
        secondary_deg=angles.secondary_deg,
        console_primary_deg=primary,
        console_secondary_deg=secondary,
        within_gantry_limits=gantry.reaches(primary, secondary),
    )


def needle(gauge: str) -> Markup:
    """Write a needle's type: "15G", or "3.2\u202fmm hip needle" for one that the catalogue names by its width."""
    kind, _, width_mm = gauge.partition(" ")
    return escape(f"{width_mm}\u202fmm {kind} needle" if width_mm else gauge)


def point(position_lps: PointLps | None) -> Markup:
    """Write a position by the patient's sides, "L 12.3 · P 4.0 · H 41.2"; None reads "not measured"."""
    if position_lps is None:
        return NOT_MEASURED
    letters = [
        pair[0] if value >= 0.0 else pair[1] for pair, value in zip(("LR", "PA", "HF"), position_lps, strict=True)
    ]
    parts = [f"{letter}\u202f{abs(value):.1f}" for letter, value in zip(letters, position_lps, strict=True)]
    return escape(" · ".join(parts))


def _space(unit: str | None) -> str:
    return "\u202f" if unit and unit != "°" else ""


def _signed(angle_deg: float) -> str:
    return f"{round(angle_deg):+d}".replace("-", "−") if round(angle_deg) else "0"


def spacing(spacing_mm: tuple[float, float, float]) -> str:
    """Write a voxel's edges."""
    return " × ".join(f"{edge:.2f}" for edge in np.asarray(spacing_mm)) + "\u202fmm"


def view_kind(view: GapView, position: PatientPosition | None) -> str:
    """Name a view of a gap."""
    frontal = "PA" if (position or "HFS").endswith("P") else "AP"
    names: dict[ViewKind, str] = {
        "frontal": frontal,
        "lateral": "lateral",
        "endplate frontal": f"{frontal} along the endplates",
        "true lateral": "true lateral",
        "bull's-eye": "bull's-eye of the first needle",
    }
    return names[view.kind]


def landmarks(sight: ViewSight, verdicts: Sequence[str]) -> str:
    """List the landmarks that a view shows so, both sides of one as one: "pedicle ring (left, right)"."""
    sides: dict[str, list[str]] = {}
    for landmark in sight.landmarks:
        if landmark.verdict in verdicts:
            sides.setdefault(landmark.name, []).append(landmark.side or "")
    return ", ".join(
        f"{name} ({', '.join(which)})" if (which := [side for side in found if side]) else name
        for name, found in sides.items()
    )
