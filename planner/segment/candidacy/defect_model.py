"""What bone is missing round a hip implant, as a mask to be printed: against the other side, or what is lucent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cc3d
import numpy as np
from scipy import ndimage as ndi

from planner.config.candidacy_config import DefectModelConfig
from planner.geometry.cells import cells_in
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.finding import Finding
from planner.model.implant import Side
from planner.model.volume import Mask
from planner.segment.anatomy.joint_space import HipJoint, squared_from
from planner.segment.blocks import block_round
from planner.segment.candidacy.cup_place import MirroredSide
from planner.segment.region import block_of
from planner.segment.trust import TrustMap
from planner.segment.upright import Bools, resample

DEFAULT = DefectModelConfig()


@dataclass(frozen=True, slots=True, eq=False)
class DefectModel:
    """Bone that is missing, or what of it was measured as lucent.

    Parameters
    ----------
    name : str
        "defect-pelvis-left-against-mirror", "defect-femur-left-against-envelope": one for each side and comparison.
    side : {"left", "right"}
        The patient's side.
    against : {"mirrored side", "envelope"}
        What it was compared with.
    mask : Mask
        Where bone is missing; against the envelope: what the gaps say, false ones among them.
    error_mm : float or None
        How well the mirrored side fits; None for the envelope.
    unread_ml : float
        What is missing beside it, as far as it goes, where artefacts leave nothing readable, mL; not in the mask.
    """

    name: str
    side: Side
    against: Literal["mirrored side", "envelope"]
    mask: Mask
    error_mm: float | None = None
    unread_ml: float = 0.0

    @property
    def bone(self) -> str:
        """The bone in words, "left pelvis"."""
        kind = self.name.removeprefix("defect-").split("-")[0]
        return f"{self.side} {kind}"

    @property
    def volume_ml(self) -> float:
        """Its volume, mL."""
        return self.mask.volume_ml


@dataclass(frozen=True, slots=True, eq=False)
class MirrorComparison:
    """What a pelvis lacks against the mirrored other one.

    Parameters
    ----------
    model : DefectModel or None
        What is missing where it can be read; None where that is less than counts.
    unread_ml : float
        What would count as missing where artefacts leave nothing readable, mL: there nobody can say.
    """

    model: DefectModel | None
    unread_ml: float = 0.0


def defect_from_envelope(
    bone: Bone, *, spaces: Sequence[Mask], metal: Mask, config: DefectModelConfig = DEFAULT
) -> DefectModel | None:
    """Give what of a bone's envelope is lucent.

    Parameters
    ----------
    bone : Bone
        Femur or pelvis, its envelope closed over lysis and holes.
    spaces : sequence of Mask
        The lucent spaces that were measured, on any grids.
    metal : Mask
        All metal, on the bone's grid.
    config : DefectModelConfig
        Limits.

    Returns
    -------
    DefectModel or None
        None where less than `config.least_ml` is missing, or the bone has no side.

    Raises
    ------
    GeometryError
        If the metal lies on another grid.

    Notes
    -----
    Marrow without trabeculae counts as bone here: only what the search for gaps found is missing.
    """
    grid = bone.mask.grid
    grid.require_same(metal.grid)
    if bone.side is None or not spaces:
        return None
    lucent = np.zeros(grid.shape, dtype=bool)
    for space in spaces:
        block = block_of(grid, np.stack([space.grid.corners_lps.min(axis=0), space.grid.corners_lps.max(axis=0)]))
        if not lucent[block].size:
            continue
        own = np.asarray(resample(space.voxels, space.grid, _cropped(grid, block), averaged=False) > 0.5)
        # the envelope's surface errs by a voxel where a hole breaks through it
        lucent[block] |= own & np.asarray(ndi.binary_dilation(bone.mask.voxels[block])) & ~metal.voxels[block]
    return _model(f"defect-{bone.name}-against-envelope", bone.side, "envelope", lucent, grid, None, config)


def compare_with_mirror(
    joint: HipJoint,
    *,
    pelvis: Bone,
    other_pelvis: Bone,
    mirrored: MirroredSide,
    metal: Mask,
    seen: Mask | None = None,
    trust: TrustMap | None = None,
    config: DefectModelConfig = DEFAULT,
) -> MirrorComparison:
    """Give what the mirrored other pelvis has and this one has not, round the cup.

    Parameters
    ----------
    joint : HipJoint
        This hip.
    pelvis, other_pelvis : Bone
        Both sides, on their grids.
    mirrored : MirroredSide
        How the other side lies on this one.
    metal : Mask
        All metal, on this pelvis's grid.
    seen : Mask or None
        Where the scan measured something, on the same grid; None: everywhere.
    trust : TrustMap or None
        What artefacts leave readable.
    config : DefectModelConfig
        Limits.

    Returns
    -------
    MirrorComparison
        Without a model where less than `config.least_ml` is missing. What is thinner than twice the error of the fit is
        left out: left and right differ by so much. What lies where the trust map calls the CT unreadable is not called
        missing; it is counted apart.

    Raises
    ------
    GeometryError
        If the masks lie on other grids.
    """
    grid = pelvis.mask.grid
    grid.require_same(metal.grid)
    reach = joint.socket_radius_mm + config.round_cup_mm
    block = block_of(grid, np.stack([np.asarray(joint.socket_lps) - reach, np.asarray(joint.socket_lps) + reach]))
    own = _cropped(grid, block)
    away = squared_from(joint.socket_lps, own)
    # reamed for the cup: what lies in its ball is no defect
    close = (away < reach**2) & (away > (joint.socket_radius_mm + 1.0) ** 2)
    close &= ~pelvis.mask.voxels[block] & ~metal.voxels[block]
    if seen is not None:
        grid.require_same(seen.grid)
        close &= seen.voxels[block]
    cells = np.argwhere(close)
    there = mirrored.back_lps(np.asarray(own.to_lps(cells)))
    missing = np.zeros(own.shape, dtype=bool)
    missing[tuple(cells[_within(other_pelvis.mask, there)].T)] = True
    missing = _opened(missing, max(config.thin_mm, 2.0 * mirrored.error_mm) / 2.0, own)
    unread = missing & _unreadable(missing, trust, own)
    name = f"defect-{pelvis.name}-against-mirror"
    model = _model(name, joint.side, "mirrored side", missing & ~unread, own, mirrored.error_mm, config)
    blind = _model(name, joint.side, "mirrored side", unread, own, mirrored.error_mm, config)
    blind_ml = 0.0 if blind is None else blind.volume_ml
    return MirrorComparison(None if model is None else replace(model, unread_ml=blind_ml), blind_ml)


def defect_findings(models: Sequence[DefectModel], *, config: DefectModelConfig = DEFAULT) -> tuple[Finding, ...]:
    """Say how much bone is missing, and that there is a model of it.

    Parameters
    ----------
    models : sequence of DefectModel
        The models.
    config : DefectModelConfig
        Limits.

    Returns
    -------
    tuple of Finding
    """
    out = []
    for model in models:
        middle = np.asarray(model.mask.grid.to_lps(cells_in(model.mask.voxels))).mean(axis=0)
        x, y, z = (float(v) for v in np.round(middle, 1))
        out.append(
            Finding(
                code="bone-lucent" if model.against == "envelope" else "bone-missing",
                severity="info",
                message=f"{model.bone}: {_words(model)}",
                where_lps=(x, y, z),
                measured=round(model.volume_ml, 2),
                limit=config.least_ml,
                unit="mL",
                source="this program's rule",
            )
        )
    return tuple(out)


def _words(model: DefectModel) -> str:
    if model.against == "envelope":
        return (
            f"{model.volume_ml:.1f} mL within the bone's outline were measured as lucent: the voxels of the gaps that "
            "lie there, counted. The gaps' own volumes are measured finer than a voxel, and may reach out of the "
            "outline. What is in doubt of them is in doubt of this, and none of it is proved to be lost bone."
        )
    fit = "" if model.error_mm is None else f" (fits within {model.error_mm:.1f} mm)"
    blind = "" if not model.unread_ml else f"; of {model.unread_ml:.1f} mL more artefacts leave nothing readable"
    return f"{model.volume_ml:.1f} mL of bone is missing against the mirrored other side{fit}{blind}."


def _cropped(grid: Grid, block: tuple[slice, slice, slice]) -> Grid:
    z, y, x = block
    return grid.crop((z.start, y.start, x.start), (z.stop, y.stop, x.stop))


def _within(mask: Mask, points: Array) -> Bools:
    index = np.rint(np.asarray(mask.grid.to_index(points))).astype(int)
    inside = np.all((index >= 0) & (index < np.array(mask.grid.shape)), axis=1)
    out = np.zeros(len(points), dtype=bool)
    out[inside] = mask.voxels[tuple(index[inside].T)]
    return out


def _unreadable(where: Bools, trust: TrustMap | None, grid: Grid) -> Bools:
    """Say where artefacts leave nothing readable."""
    out = np.zeros_like(where)
    cells = np.argwhere(where)
    if trust is not None and len(cells):
        out[tuple(cells.T)] = np.asarray(trust.trust_at(grid.to_lps(cells))) < trust.config.unreadable_below
    return out


def _opened(mask: Bools, reach_mm: float, grid: Grid) -> Bools:
    """Drop what is thinner than twice a reach."""
    if not mask.any():
        return mask
    core = ndi.distance_transform_edt(np.pad(mask, 1), sampling=grid.spacing_mm)[1:-1, 1:-1, 1:-1] > reach_mm
    if not core.any():
        return np.zeros_like(mask)
    return np.asarray(mask & (ndi.distance_transform_edt(~core, sampling=grid.spacing_mm) <= reach_mm))


def _model(
    name: str,
    side: Side,
    against: Literal["mirrored side", "envelope"],
    voxels: Bools,
    grid: Grid,
    error_mm: float | None,
    config: DefectModelConfig,
) -> DefectModel | None:
    """Keep the pieces that count."""
    kept = np.zeros(grid.shape, dtype=bool)
    block = block_round(voxels, 0)
    if block is not None:
        labels = cc3d.connected_components(voxels[block].astype(np.uint8), connectivity=26)
        sizes = np.bincount(labels.ravel()) * grid.voxel_volume_mm3 / 1000.0
        keep = sizes >= config.least_piece_ml
        keep[0] = False
        kept[block] = keep[labels]
    mask = Mask(grid, kept)
    return None if mask.volume_ml < config.least_ml else DefectModel(name, side, against, mask, error_mm)
