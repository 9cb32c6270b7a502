"""Labels of the canal, organs and vessels held against a CT: where they cannot be, and how large they cannot be."""

import numpy as np

from planner.config.label_config import LabelConfig
from planner.errors import LabelError
from planner.geometry.grid import Grid
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.volume import Volume
from planner.segment.anatomy.body import find_body
from planner.segment.upright import Bools, resample

DEFAULT = LabelConfig()
MOST_IN_AIR = 0.5
"""Share of a soft part's label that may lie in air: gas in a canal, and streaks of metal, fill less. Ours."""
MOST_OF_SCAN = 0.7
"""Share of the scan's voxels that one soft part may fill. Ours."""
WIDEST_CANAL_CM2 = 10.0
"""Mean cross-section of a labelled canal or cord, its volume over its height: a lumbar canal has 2-4 cm2. Ours."""
_HOLD_GAS = frozenset(
    (
        "lung left",
        "lung right",
        "trachea",
        "esophagus",
        "stomach",
        "duodenum",
        "small bowel",
        "colon",
    )
)
_VESSELS = ("aorta", "inferior vena cava", "superior vena cava", "iliac artery", "iliac vein")
_VESSEL_ML, _ORGAN_ML = 1500.0, 9000.0
"""A whole vessel, with an aneurysm, and a whole organ, overgrown or blown up, have no more. Ours."""


def require_soft_parts(labels: AnatomyLabels, volume: Volume, *, config: LabelConfig = DEFAULT) -> None:
    """Refuse labels of the canal, organs and vessels that cannot belong to a CT.

    Parameters
    ----------
    labels : AnatomyLabels
        On the CT's grid.
    volume : Volume
        The CT.
    config : LabelConfig
        Settings.

    Raises
    ------
    LabelError
        If one lies mostly in air (parts that hold gas: in the air about the patient), or is too large.

    Notes
    -----
    Soft parts read alike, so that labels moved within the patient are not told from right ones. Ours.
    """
    outside: Bools | None = None
    for structure in labels.labels.structures:
        if structure.kind not in ("canal", "other"):
            continue
        own = np.asarray(labels.labels.codes == structure.code)
        if not own.any():
            continue
        why = _too_large(structure.id, own, labels.grid)
        if why is not None:
            raise LabelError(f"{labels.name} is implausible: {why}; look at the labels over the CT")
        if structure.id in _HOLD_GAS:
            outside = _air_about(volume) if outside is None else outside
            share = float(np.mean(outside[own]))
        else:
            share = float(np.mean(volume.hu[own] < config.air_hu))
        if share > MOST_IN_AIR:
            raise LabelError(
                f"{labels.name} does not fit the CT: {share:.0%} of the voxels labelled as {structure.id} lie in air; "
                "it was made on another scan, or its axes were turned"
            )


def _too_large(name: str, own: Bools, grid: Grid) -> str | None:
    count = int(np.count_nonzero(own))
    share = count / own.size
    if share > MOST_OF_SCAN:
        return f"the {name} fills {share:.0%} of the scan"
    ml = count * grid.voxel_volume_mm3 / 1000.0
    if name in ("canal", "spinal cord"):
        section = ml / (_height_mm(own, grid) / 10.0)
        return f"the {name} is {section:.0f} cm2 wide" if section > WIDEST_CANAL_CM2 else None
    most = _VESSEL_ML if name.startswith(_VESSELS) else _ORGAN_ML
    return f"the {name} has {ml:.0f} mL" if ml > most else None


def _height_mm(own: Bools, grid: Grid) -> float:
    """Give how far voxels reach from bottom to top, with half a voxel at either end."""
    z = np.asarray(grid.to_lps(np.argwhere(own)))[:, 2]
    return float(z.max() - z.min() + np.abs(grid.lps_from_index[2, :3]).sum())


def _air_about(volume: Volume) -> Bools:
    body = find_body(volume)
    return np.asarray(resample(body.outside.voxels, body.outside.grid, volume.grid) > 0.5)
