"""Where on its shaft a needle shows how deep it is."""

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.model.needle import DepthMark
from planner.model.volume import Mask
from planner.needles.spine.canal_wall import CanalWall
from planner.needles.spine.pedicle import Pedicle

_STEP_MM = 0.25


def depth_marks(
    bone_lps: Array,
    aim_lps: Array,
    end_lps: Array,
    *,
    gap: Mask,
    skin_to_bone_mm: float | None,
    pedicle: Pedicle | None = None,
    wall: CanalWall | None = None,
) -> tuple[DepthMark, ...]:
    """Give the marks in the order of the needle's way in.

    Parameters
    ----------
    bone_lps, aim_lps, end_lps : ndarray, shape (3,)
        Bone entry, end of the straight part, tip; the last two are the same unless it slides.
    gap : Mask
        The gap.
    skin_to_bone_mm : float or None
        Way from skin to bone; None where the skin is not in the picture.
    pedicle : Pedicle or None
        Through which it goes; None elsewhere.
    wall : CanalWall or None
        The canal's outline, whose front is the bodies' posterior wall.

    Returns
    -------
    tuple of DepthMark
        mm along the needle; what it does not reach is left out.
    """
    straight, slide = float(np.linalg.norm(aim_lps - bone_lps)), float(np.linalg.norm(end_lps - aim_lps))
    way = np.arange(0.0, straight + slide + _STEP_MM / 2, _STEP_MM)
    first = bone_lps + np.minimum(way, straight)[:, None] * (aim_lps - bone_lps) / max(straight, 1e-6)
    points = first + np.maximum(0.0, way - straight)[:, None] * (end_lps - aim_lps) / max(slide, 1e-6)
    found: list[tuple[float, str]] = [(0.0, "bone"), (straight + slide, "target")]
    if slide > 0.0:
        found.append((straight, "contact with the screw"))
    if pedicle is not None and not pedicle.in_ilium:
        _add(found, "pedicle", way, (points - pedicle.isthmus_lps) @ pedicle.outward_lps <= 0.0)
    if wall is not None:
        _add(found, "posterior wall", way, wall.behind_mm(points) <= 0.0)
    _add(found, "gap", way, gap.at(points))
    return tuple(
        DepthMark.model_validate(
            {
                "name": name,
                "from_bone_mm": mm,
                "from_skin_mm": None if skin_to_bone_mm is None else skin_to_bone_mm + mm,
            }
        )
        for mm, name in sorted(found, key=lambda mark: mark[0])
    )


def _add(found: list[tuple[float, str]], name: str, way: Array, reached: npt.NDArray[np.bool_]) -> None:
    """Add a mark that is reached after the entry; one that the needle never reaches is none."""
    if reached.any() and not reached[0]:
        found.append((float(way[int(np.argmax(reached))]), name))
