"""What the survey of the anatomy could not tell, in words."""

import numpy as np

from planner.geometry.frames import LEFT, POSTERIOR, Array, point_tuple, points_lps
from planner.model.finding import Finding
from planner.model.volume import Volume
from planner.segment.anatomy.body import Body
from planner.segment.anatomy.canal import Canal
from planner.segment.region import Region

_UNCOVERED_MM = 5.0
"""Metal that runs so far beyond the canal's ends is told of: less than a pedicle's height."""


def canal_findings(spine: Region | None, canal: Canal | None) -> tuple[Finding, ...]:
    """Say where the canal is not known near spinal implants.

    Parameters
    ----------
    spine : Region or None
        Where spinal implants are; None where there are none.
    canal : Canal or None
        The canal as far as it is trusted.

    Returns
    -------
    tuple of Finding
        Empty where it is known all along them.
    """
    if spine is None:
        return ()
    middle = point_tuple(spine.metal_lps.mean(axis=0))
    if canal is None:
        return (
            Finding(
                code="canal-not-found",
                severity="warning",
                message="The spinal canal was not found round the implants: nothing there is treated as free, so no "
                "needle is proposed.",
                where_lps=middle,
            ),
        )
    out = []
    for end, beyond, cut, code, words in (
        (0, float(canal.centre_lps[0, 2] - spine.metal_lps[0, 2]), canal.cut_below, "below-s1", "below"),
        (-1, float(spine.metal_lps[1, 2] - canal.centre_lps[-1, 2]), canal.cut_above, "above", "above"),
    ):
        if not cut and beyond <= _UNCOVERED_MM:
            continue
        code = f"canal-{code}-not-trusted" if cut else f"canal-ends-{words}"
        out.append(
            Finding(
                code=code,
                severity="warning" if beyond > 0 else "caution",
                message=f"The spinal canal is not known {words} this place: a cone round its continued line, and soon "
                "the whole slice, is kept free of needles.",
                where_lps=point_tuple(canal.centre_lps[end]),
                measured=round(max(0.0, beyond), 1),
                limit=_UNCOVERED_MM,
                unit="mm of implant beyond",
            )
        )
    return tuple(out)


def skin_findings(volume: Volume, body: Body, regions: tuple[Region, ...]) -> tuple[Finding, ...]:
    """Say where the skin that needles would enter lies outside the scan.

    Parameters
    ----------
    volume : Volume
        The CT.
    body : Body
        The patient.
    regions : tuple of Region
        Where implants are.

    Returns
    -------
    tuple of Finding
        One for each region whose skin was not measured.
    """
    out = []
    for region in regions:
        start, direction, words = _way_out(region)
        if body.skin_towards(volume, points_lps(start), direction) is None:
            out.append(
                Finding(
                    code="skin-outside-view",
                    severity="caution",
                    message=f"The skin {words} the implants lies outside the scan: needle entries and depths there are "
                    "unknown.",
                    where_lps=point_tuple(start),
                )
            )
    return tuple(out)


def _way_out(region: Region) -> tuple[Array, Array, str]:
    if region.hip is None:
        return region.metal_lps.mean(axis=0), np.asarray(POSTERIOR), "behind"
    outwards = -1.0 if region.hip.side == "right" else 1.0
    return np.asarray(region.hip.head_lps), outwards * np.asarray(LEFT), "lateral to"


def side_findings(regions: tuple[Region, ...]) -> tuple[Finding, ...]:
    """Say for which hips the side cannot be told.

    Parameters
    ----------
    regions : tuple of Region
        Where implants are.

    Returns
    -------
    tuple of Finding
    """
    return tuple(
        Finding(
            code="hip-side-unknown",
            severity="warning",
            message="It cannot be told which hip this is: no soft tissue about it is treated as free.",
            where_lps=point_tuple(r.hip.head_lps),
        )
        for r in regions
        if r.hip is not None and r.hip.side is None
    )
