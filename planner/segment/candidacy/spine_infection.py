"""What gas and fluid round spinal implants may mean, in words, and what was not looked for."""

from collections.abc import Mapping

import numpy as np

from planner.config.spine_pocket_config import SpinePocketConfig
from planner.geometry.frames import point_tuple
from planner.model.finding import Finding, Severity
from planner.segment.candidacy.spine_pockets import SpinePocket, SpinePockets

DEFAULT = SpinePocketConfig()
_REMINDER = "CT cannot rule out infection; where it is suspected, biopsy and culture come before cement"
_SOURCES: Mapping[str, str] = {
    "disc": "gas in a disc goes with degeneration as a rule, but 23 % of 135 infected discs held some (doi "
    "10.3390/diagnostics12051089)",
    "bone": "gas in a vertebra: collapse with osteonecrosis, or osteomyelitis (doi 10.1148/radiology.139.2.7220878)",
    "soft tissue": "this program's rule; infections after spinal surgery lay behind in 31 of 43 patients (doi "
    "10.3340/jkns.2015.0505.010)",
}
FRACTURE_LINES_UNKNOWN = Finding(
    code="spine-fracture-lines-unknown",
    severity="info",
    message="Whether fracture lines run through vertebrae is not known: beside screws this program cannot tell them "
    "from streaks, elsewhere not from veins and facet joints. Look for them on the CT.",
    source="this program's limit",
)
"""Said of every spine: none was looked for."""


def spine_infection_findings(
    found: SpinePockets | None, names: Mapping[str, str], *, config: SpinePocketConfig = DEFAULT
) -> tuple[Finding, ...]:
    """Say where gas and fluid lie round spinal implants, how much, and what that may mean.

    Parameters
    ----------
    found : SpinePockets or None
        What was found; None where it could not be looked for.
    names : Mapping of str to str
        What a bone is called for the reader ("L4"), by its name; the name itself where it is not among them.
    config : SpinePocketConfig
        Limits.

    Returns
    -------
    tuple of Finding
        One a pocket, and one where too little could be read, or nothing was looked for.
    """
    if found is None:
        return (
            Finding(
                code="spine-pockets-not-looked-for",
                severity="info",
                message="Gas and fluid round the spinal implants were not looked for: skin, canal or vertebrae were "
                f"not told. {_REMINDER}.",
            ),
        )
    said = [_said(one, names, config) for one in found.pockets]
    if found.read_share < config.least_read_share:
        said.append(
            Finding(
                code="spine-pockets-partly-hidden",
                severity="info",
                message=f"Artefacts leave {found.read_share:.0%} of what lies within {config.reach_mm:.0f} mm of the "
                "spinal metal readable: gas or fluid in the rest does not show.",
                measured=round(found.read_share, 3),
                limit=config.least_read_share,
                unit="1",
                source="this program's rule",
            )
        )
    if found.doubted:
        total = sum(one.volume_ml for one in found.doubted)
        said.append(
            Finding(
                code="dark-spots-among-streaks",
                severity="info",
                message=f"{total:.1f} mL of dark spots lie among bright streaks of metal and were not taken for gas.",
                where_lps=point_tuple(np.round(found.doubted[0].centre_lps, 1)),
                measured=round(total, 2),
                unit="mL",
                source="this program's rule",
            )
        )
    return tuple(said)


def _said(one: SpinePocket, names: Mapping[str, str], config: SpinePocketConfig) -> Finding:
    pocket = one.pocket
    beside = " and ".join(names.get(bone, bone) for bone in one.beside)
    code, severity, words = _fluid_words() if pocket.kind == "fluid" else _gas_words(one, beside)
    return Finding(
        code=code,
        severity=severity,
        message=f"{pocket.volume_ml:.1f} mL {words}" if pocket.volume_ml >= 0.1 else f"Under 0.1 mL {words}",
        where_lps=point_tuple(np.round(pocket.centre_lps, 1)),
        measured=round(pocket.volume_ml, 2),
        limit=config.least_fluid_ml if pocket.kind == "fluid" else config.least_gas_ml,
        unit="mL",
        source=_SOURCES.get("disc" if one.place == "facet joint" else one.place, _SOURCES["soft tissue"]),
    )


def _fluid_words() -> tuple[str, Severity, str]:
    return (
        "collection-near-implant",
        "caution",
        f"of what reads as fluid behind the spine, near the implants: a seroma, blood, cerebrospinal fluid or pus. "
        f"{_REMINDER}.",
    )


def _gas_words(one: SpinePocket, beside: str) -> tuple[str, Severity, str]:
    """Give code, severity and words of gas."""
    if one.place in ("disc", "facet joint"):
        place = "the disc" if one.place == "disc" else "the facet joint"
        return (
            "vacuum-in-disc" if one.place == "disc" else "vacuum-in-facet-joint",
            "info",
            f"of gas in {place} between {beside}: a vacuum phenomenon, benign as a rule; "
            "it does not rule out infection.",
        )
    if one.place == "bone":
        held = f" of {beside}" if beside else ""
        return (
            "gas-in-bone",
            "caution",
            f"of gas in the bone{held}: the cleft of a collapsed body that did not heal, or infection. {_REMINDER}.",
        )
    place = "the spinal canal" if one.place == "spinal canal" else "the soft tissue"
    return (
        "gas-near-implant",
        "caution",
        f"of gas in {place} near the spinal implants: left by surgery or puncture, come out of a disc or facet joint, "
        f"or infection. {_REMINDER}.",
    )
