"""How large vertebrae are, level by level: published means of women, filled in evenly between the levels.

Sources, each named where it is used:
[K16] Kaur 2016, PMC4857161: CT of 50 spines, thoracic. [G05] Clin Anat 2005;18:404-8 (PubMed 16015613): 16 cadavers of
mean age 67. [H93] Hou 1993, Spine 18:1850-5: 15 women, T9-L5. [A95] Amonoo-Kuofi, pedicle diameters of women in
radiographs, L1-L5 (7.4-13.6 mm wide, 14.2-18.2 mm high). [C21] Cook and Baker 2021, Int J Spine Surg 15:1072: CT, L5 of
women. [M09] PMC2899959, table 1: wedging of bodies in women, T9-L5. [P-CT] pakjns.org article 518: CT of 200 thoracic
spines. [D13] anatomyjournal.ir A-10-159-1: MRI of lumbar discs. [E19] Egwu 2019, doi 10.4103/JASI.JASI_8_19: thoracic
bodies of men. What no source could be found for is set by eye, on pictures, and says so.
"""

from typing import Literal, get_args

from pydantic import Field

from planner.config.settings import Settings

Level = Literal[
    "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1"
]  # fmt: skip
LEVELS: tuple[Level, ...] = get_args(Level)


class VertebraFigures(Settings):
    """How large one vertebra is."""

    level: Level
    body_width_mm: float = Field(gt=15, lt=80, description="Width at the endplates; spans of [K16], by eye between.")
    body_depth_mm: float = Field(gt=10, lt=50, description="Depth at the endplates; lumbar [D13], L5 [C21].")
    front_height_mm: float = Field(gt=5, lt=45, description="Height in front; [P-CT], L5 [C21], wedge [M09].")
    back_height_mm: float = Field(gt=5, lt=45, description="Height behind; [E19] less a tenth for women, L5 [C21].")
    pedicle_right_mm: float = Field(gt=2.0, lt=25, description="Width of the right pedicle's isthmus; [K16] to [A95].")
    pedicle_left_mm: float = Field(gt=2.0, lt=25, description="Width of the left pedicle's isthmus.")
    pedicle_height_mm: float = Field(gt=4, lt=30, description="Height of the isthmus; T9 [H93], T11 [G05], L [A95].")
    pedicle_inward_deg: float = Field(ge=-15, le=45, description="The pedicles' way to the midline going in; [K16].")
    canal_width_mm: float = Field(gt=10, lt=40, description="Between the pedicles; thoracic [P-CT], L5 [C21].")
    canal_depth_mm: float = Field(gt=8, lt=30, description="Of the canal; thoracic [P-CT], lumbar [C21].")
    span_mm: float = Field(gt=25, lt=130, description="Between the tips of the transverse processes. By eye.")
    spinous_mm: float = Field(gt=8, lt=60, description="From the canal's back to the spinous process's tip. By eye.")
    disc_mm: float = Field(
        gt=1, lt=20, description="Height in the middle of the disc below; lumbar [D13] less a third."
    )


_ANCHORS: dict[str, dict[str, float]] = {
    # Anchors; what lies between is filled in evenly. Lumbar bodies: 40-50 mm wide in CT; thoracic by eye.
    "body_width_mm": {"T1": 28.0, "T4": 26.5, "T8": 31.0, "T12": 39.5, "L1": 41.5, "L3": 45.5, "L5": 49.5},
    "body_depth_mm": {"T1": 16.5, "T4": 21.0, "T8": 27.0, "T12": 29.0, "L1": 30.2, "L2": 32.0, "L4": 33.1, "L5": 33.0},
    "back_height_mm": {"T1": 15.0, "T2": 15.8, "T9": 19.5, "T12": 23.5, "L1": 25.3, "L3": 26.8, "L5": 25.5},
    "pedicle_mm": {"T1": 9.3, "T4": 4.5, "T5": 5.1, "T9": 5.2, "T12": 8.3, "L1": 7.6, "L2": 8.4, "L5": 13.3},
    "pedicle_height_mm": {"T1": 8.9, "T4": 10.6, "T9": 12.2, "T11": 16.0, "L1": 14.8, "L3": 14.4, "L5": 13.2},
    "pedicle_inward_deg": {"T1": 32.0, "T4": 13.0, "T9": 8.0, "T12": 1.0, "L1": 6.0, "L3": 10.0, "L5": 20.0},
    "canal_width_mm": {
        "T1": 21.0,
        "T3": 19.5,
        "T6": 17.6,
        "T10": 18.4,
        "T12": 21.0,
        "L1": 22.0,
        "L3": 23.4,
        "L5": 27.0,
    },
    "canal_depth_mm": {"T1": 16.8, "T7": 16.0, "T12": 16.6, "L1": 16.4, "L5": 15.6},
    "span_mm": {"T1": 68.0, "T4": 58.0, "T9": 52.0, "T11": 42.0, "T12": 42.0, "L1": 66.0, "L3": 84.0, "L5": 82.0},
    "spinous_mm": {"T1": 30.0, "T7": 27.0, "T11": 24.0, "T12": 24.0, "L3": 30.0, "L5": 24.0},
    "disc_mm": {"T1": 4.0, "T8": 4.4, "T12": 6.2, "L1": 6.9, "L3": 8.6, "L4": 9.2, "L5": 8.4},
}
_WEDGE_DEG = {
    "T1": 2.5, "T5": 3.0, "T9": 2.8, "T10": 2.6, "T11": 4.6, "T12": 3.5, "L1": 2.6, "L2": 0.7, "L3": -1.1, "L4": -3.1,
    "L5": -7.8,
}  # fmt: skip
"""[M09] from T9 on; positive: lower in front. Above by eye."""

FIGURE_SD: dict[str, float] = {
    "body_width_mm": 0.06,
    "body_depth_mm": 0.06,
    "pedicle_mm": 0.14,
    "pedicle_height_mm": 0.09,
    "canal_width_mm": 0.07,
    "canal_depth_mm": 0.07,
    "disc_mm": 0.14,
}
"""Standard deviations over the means, of a patient's own share. Pedicles: 0.9 of 4.5 and 1.8 of 8.3 [K16], 1.8 of 15.1
[C21]; body 2.6 of 33.3, pedicle height 1.0 of 12.5, canal 2.9 of 27.6 and 1.9 of 15.1 [C21]; discs 1.9 of 13.8 [D13].
Part of the spread is in the patient's size."""


def mean_figures(level: Level) -> VertebraFigures:
    """Give the mean size of a vertebra in women.

    Parameters
    ----------
    level : Level
        Its name, "T1" to "L5"; "S1" is the sacrum's and has no such figures.

    Returns
    -------
    VertebraFigures

    Raises
    ------
    ValueError
        For the sacrum.
    """
    if level == "S1":
        raise ValueError("the sacrum has no vertebra's figures")
    values = {name: _between(anchors, level) for name, anchors in _ANCHORS.items()}
    pedicle = values.pop("pedicle_mm")
    # The wedge angle over the body's depth is what the front lacks.
    lack = values["body_depth_mm"] * 0.01745 * _between(_WEDGE_DEG, level)
    return VertebraFigures(
        level=level,
        front_height_mm=values["back_height_mm"] - lack,
        pedicle_right_mm=pedicle,
        pedicle_left_mm=pedicle,
        **values,
    )


def _between(anchors: dict[str, float], level: Level) -> float:
    place = LEVELS.index(level)
    known = [(LEVELS.index(name), value) for name, value in anchors.items() if name in LEVELS]
    below = max(pair for pair in known if pair[0] <= place)
    above = min(pair for pair in known if pair[0] >= place)
    share = (place - below[0]) / max(above[0] - below[0], 1)
    return below[1] + share * (above[1] - below[1])
