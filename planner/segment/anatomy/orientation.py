"""Whether the anatomy agrees with the orientation and position that the header tells.

Bone is the same from left to right: a scan mirrored left to right cannot be told from it, and is not looked for. Heart,
liver and stomach could tell, but not in the short scans and odd anatomies that are planned on.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage as ndi

from planner.config.orientation_config import OrientationConfig
from planner.geometry.frames import Array, point_tuple, points_lps
from planner.model.bones import Bone, Pedicle
from planner.model.finding import Finding
from planner.model.plan import PatientPosition
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.body import Body
from planner.segment.anatomy.canal import Canal
from planner.segment.upright import upright_hu

DEFAULT = OrientationConfig()
_BOX_DEEP_MM, _BOX_ASIDE_MM = (3.0, 25.0), 13.0
"""A thoracic body behind its back wall; behind the canal only laminae and spinous processes lie so near."""
_TABLE_HU = -700.0
"""Foam reads down to -980, a table's shell more than this."""
_TABLE_REACH_MM = 90.0
_MIRROR = " Whether left and right are swapped too cannot be seen on bone: check it before any side is believed."


def check_orientation(
    *,
    canal: Canal | None = None,
    bone: Mask | None = None,
    vertebrae: Sequence[Bone] = (),
    pedicles: Sequence[Pedicle] = (),
    volume: Volume | None = None,
    body: Body | None = None,
    position: PatientPosition | None = None,
    config: OrientationConfig = DEFAULT,
) -> tuple[Finding, ...]:
    """Say where anatomy contradicts the patient orientation and position of the header.

    Parameters
    ----------
    canal : Canal or None
        The spinal canal.
    bone : Mask or None
        Bone envelopes, on any grid.
    vertebrae : sequence of Bone
        Vertebrae apart.
    pedicles : sequence of Pedicle
        Their pedicles.
    volume : Volume or None
        The CT, to see the table on.
    body : Body or None
        The patient's surface.
    position : str or None
        How the header says that the patient lies ("HFS").
    config : OrientationConfig
        Settings.

    Returns
    -------
    tuple of Finding
        Empty where nothing contradicts, and where nothing can be told. Told are: vertebral bodies before the canal,
        pedicles on the upper half of the bodies, the table on the side that the patient is said to lie on. A swap of
        left and right alone is not seen.
    """
    found = []
    if canal is not None and bone is not None:
        found.append(_front_and_back(canal, bone, config))
    if canal is not None:
        found.append(_head_and_foot(canal, vertebrae, pedicles, config))
    if volume is not None and body is not None and position is not None:
        found.append(_table(volume, body, position, config))
    return tuple(f for f in found if f is not None)


def bone_about_canal(canal: Canal, bone: Mask) -> tuple[float, float]:
    """Measure how much bone lies before the canal and behind it, in boxes as large as a thoracic body.

    Parameters
    ----------
    canal : Canal
        The spinal canal.
    bone : Mask
        Bone envelopes, on any grid.

    Returns
    -------
    (before, behind) : float
        Shares of the boxes.
    """
    n = canal.radii_mm.shape[1]
    shares = []
    for sign, ray in ((-1.0, 3 * n // 4), (1.0, n // 4)):
        wall = ndi.median_filter(canal.radii_mm[:, ray], 9, mode="nearest")
        deep = np.arange(*_BOX_DEEP_MM, 2.0)
        aside = np.arange(-_BOX_ASIDE_MM, _BOX_ASIDE_MM + 0.1, 2.0)
        points = np.tile(canal.centre_lps[:, None, None, :], (1, len(deep), len(aside), 1))
        points[..., 0] += aside
        points[..., 1] += sign * (wall[:, None, None] + deep[:, None])
        at = bone.grid.to_index(points_lps(points.reshape(-1, 3))).T
        inside = ndi.map_coordinates(bone.voxels.view(np.uint8), at, order=0, mode="constant", output=np.float32)
        shares.append(float(inside.mean()))
    return shares[0], shares[1]


def _front_and_back(canal: Canal, bone: Mask, config: OrientationConfig) -> Finding | None:
    before, behind = bone_about_canal(canal, bone)
    if behind < config.least_bone_share or behind < config.body_ratio * before:
        return None
    return Finding(
        code="orientation-front-back",
        severity="warning",
        message="The vertebral bodies lie where the header says that the patient's back is: front and back of this "
        "scan are swapped." + _MIRROR,
        where_lps=point_tuple(canal.centre_lps[len(canal.centre_lps) // 2]),
        measured=round(behind / max(before, 0.01), 2),
        limit=config.body_ratio,
        unit="bone behind the canal over bone before it",
    )


def pedicle_places(canal: Canal, vertebrae: Sequence[Bone], pedicles: Sequence[Pedicle]) -> Array:
    """Measure at what share of its body's height each pedicle stands, 0 for the lower and 1 for the upper end.

    Parameters
    ----------
    canal : Canal
        The spinal canal.
    vertebrae : sequence of Bone
        Vertebrae apart; those that the scan cuts are left out.
    pedicles : sequence of Pedicle
        Their pedicles.

    Returns
    -------
    ndarray, shape (N,)
    """
    line = canal.centre_lps
    up = np.gradient(ndi.gaussian_filter1d(line, 12.0, axis=0, mode="nearest"), axis=0) if len(line) > 1 else line * 0
    front = canal.radii_mm[:, canal.radii_mm.shape[1] * 3 // 4]
    whole = {b.name: b for b in vertebrae if b.kind == "vertebra" and not b.is_cut}
    out = []
    for pedicle in pedicles:
        vertebra = whole.get(pedicle.bone)
        if vertebra is None:
            continue
        row = int(np.argmin(np.abs(line[:, 2] - pedicle.centre_lps[2])))
        way = up[row] / max(float(np.linalg.norm(up[row])), 1e-6)
        points = vertebra.mask.grid.to_lps(np.argwhere(vertebra.mask.voxels).astype(np.float64))
        limit = np.interp(points[:, 2], line[:, 2], line[:, 1] - front) - _BOX_DEEP_MM[0]
        high = points[points[:, 1] < limit] @ way
        if len(high):
            low, top = np.percentile(high, [2.0, 98.0])
            out.append((float(pedicle.centre_lps @ way) - low) / max(top - low, 1e-6))
    return np.array(out, dtype=np.float64)


def _head_and_foot(
    canal: Canal, vertebrae: Sequence[Bone], pedicles: Sequence[Pedicle], config: OrientationConfig
) -> Finding | None:
    places = pedicle_places(canal, vertebrae, pedicles)
    if len(places) < config.least_pedicles or float(np.mean(places)) >= config.pedicle_place:
        return None
    return Finding(
        code="orientation-head-foot",
        severity="warning",
        message="The pedicles stand on the lower half of the vertebral bodies: head and foot of this scan are swapped."
        + _MIRROR,
        where_lps=point_tuple(canal.centre_lps[len(canal.centre_lps) // 2]),
        measured=round(float(np.mean(places)), 2),
        limit=config.pedicle_place,
        unit="of a body's height",
    )


def table_ml(volume: Volume, body: Body) -> tuple[float, float]:
    """Measure how much matter lies outside the body, before it and behind it: a table lies on one side.

    Parameters
    ----------
    volume : Volume
        The CT.
    body : Body
        The patient's surface.

    Returns
    -------
    (before, behind) : float
        mL.
    """
    grid = body.inside.grid
    hu = np.nan_to_num(upright_hu(volume, grid, averaged=False), nan=-1000.0)
    matter = body.outside.voxels & (hu > _TABLE_HU)
    columns = np.asarray(body.inside.voxels.any(axis=1))
    first = np.where(columns, body.inside.voxels.argmax(axis=1), 0)
    last = np.where(columns, grid.shape[1] - 1 - body.inside.voxels[:, ::-1].argmax(axis=1), 0)
    row = np.arange(grid.shape[1])[None, :, None]
    reach = round(_TABLE_REACH_MM / grid.spacing_mm[1])
    matter &= columns[:, None, :]
    before = np.asarray(matter & (row < first[:, None, :]) & (row >= first[:, None, :] - reach))
    behind = np.asarray(matter & (row > last[:, None, :]) & (row <= last[:, None, :] + reach))
    return Mask(grid, before).volume_ml, Mask(grid, behind).volume_ml


def _table(volume: Volume, body: Body, position: PatientPosition, config: OrientationConfig) -> Finding | None:
    if position[-1] not in "SP":
        return None
    before, behind = table_ml(volume, body)
    under, over = (behind, before) if position.endswith("S") else (before, behind)
    if over < config.least_table_ml or over < config.table_share * (over + under):
        return None
    said, side = ("supine", "front") if position.endswith("S") else ("prone", "back")
    return Finding(
        code="orientation-table",
        severity="warning",
        message=f"The header says that the patient lies {said}, but the table lies at the patient's {side}: position "
        "or orientation in the header is wrong." + _MIRROR,
        measured=round(over / (over + under), 2),
        limit=config.table_share,
        unit="of the table's volume",
    )
