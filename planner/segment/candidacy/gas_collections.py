"""Gas and fluid round a hip implant that may mean infection, and what CT cannot say about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cc3d
import numpy as np
from scipy import ndimage as ndi

from planner.config.candidacy_config import InfectionConfig, PocketConfig
from planner.geometry.cells import cells_in
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array, PointsLps, point_tuple, points_lps
from planner.geometry.grid import Grid
from planner.model.finding import Finding
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.joint_space import HipJoint
from planner.segment.blocks import block_round
from planner.segment.candidacy.second_voxels import EVERY_SECOND, depth_in_mm, thinned, thinned_hu
from planner.segment.region import block_of
from planner.segment.trust import TrustMap
from planner.segment.upright import Bools, Floats

DEFAULT = InfectionConfig()
_GAS_SOURCE = "this program's rule; gas is also left by surgery, puncture and vacuum in a joint"
_FLUID_SOURCE = "fluid in muscle and fat: 12 of 65 painful hips infected, Cyteval 2002, doi 10.1148/radiol.2242010989"
_REMINDER_SOURCE = (
    "low-grade infection in up to 29 % of loosened implants (CLINICAL); Cianfoni 2018, doi 10.3174/ajnr.A5795"
)
_MUSCLE_HU = (0.0, 100.0)
_FEWEST_VOXELS = 500


@dataclass(frozen=True, slots=True, eq=False)
class Pocket:
    """Gas or fluid near a hip implant.

    Parameters
    ----------
    kind : {"gas", "fluid"}
        Which.
    mask : Mask
        Where.
    centre_lps : PointsLps, shape (3,)
        Its middle.
    """

    kind: Literal["gas", "fluid"]
    mask: Mask
    centre_lps: PointsLps

    @property
    def volume_ml(self) -> float:
        """Its volume, mL."""
        return self.mask.volume_ml


def find_pockets(
    joint: HipJoint,
    *,
    ct: Volume,
    metal: Mask,
    bone: Mask,
    body: Mask | None,
    trust: TrustMap | None = None,
    config: InfectionConfig = DEFAULT,
) -> tuple[Pocket, ...]:
    """Find gas and fluid round a replaced hip.

    Parameters
    ----------
    joint : HipJoint
        The hip; what lies medial of its socket is the pelvis's inside, with bowel and bladder, and is left out.
    ct : Volume
        The CT, on an upright grid.
    metal, bone : Mask
        All metal, and all bone's envelope, on the same grid.
    body : Mask or None
        The patient within the skin; None: nothing is looked for, for gas cannot be told from the air outside.
    trust : TrustMap or None
        What artefacts leave readable; None looks only farther from metal than streaks reach.
    config : InfectionConfig
        Limits.

    Returns
    -------
    tuple of Pocket
        The largest first of each kind; gas too large to be judged (`InfectionConfig.most_gas_ml`) is among them.

    Raises
    ------
    GeometryError
        If the masks lie on other grids.
    """
    grid = ct.grid
    for mask in (metal, bone, body):
        if mask is not None:
            grid.require_same(mask.grid)
    if body is None:
        return ()
    block = _round_metal(joint, metal, config)
    if block is None:
        return ()
    own = _cropped(grid, block)
    solid, inside = metal.voxels[block], body.voxels[block]
    away, deep = depth_in_mm(~solid, grid), depth_in_mm(inside, grid)
    clear = config.streaks_mm if trust is None else config.bloom_mm
    where = (away < config.reach_mm) & (away > clear) & (deep > config.skin_mm) & ~bone.voxels[block]
    where &= _of_this_hip(joint, own, config)
    hu = np.asarray(ct.hu[block], dtype=np.float32)
    if trust is not None:
        where &= readable(where, trust, own, config)
    gas = with_core(where & (hu < config.gas_hu), where & (hu < config.gas_core_hu))
    coarse = thinned(own)
    wet = fluid_voxels(thinned_hu(hu), where[EVERY_SECOND], coarse, config)
    found = (
        *pockets_of("gas", gas, own, least_ml=config.least_gas_ml),
        *pockets_of("fluid", wet, coarse, least_ml=config.least_fluid_ml),
    )
    return tuple(found)


def is_taken_for_bowel(pocket: Pocket, *, config: InfectionConfig = DEFAULT) -> bool:
    """Say whether gas is so much in one piece that it is taken for bowel, and not judged.

    Parameters
    ----------
    pocket : Pocket
        Gas or fluid.
    config : InfectionConfig
        Limits.

    Returns
    -------
    bool
        False for fluid.
    """
    return pocket.kind == "gas" and pocket.volume_ml > config.most_gas_ml


def infection_findings(
    pockets: Sequence[Pocket], *, joint: HipJoint, config: InfectionConfig = DEFAULT
) -> tuple[Finding, ...]:
    """Say what may mean infection, and that CT cannot rule it out.

    Parameters
    ----------
    pockets : sequence of Pocket
        Of one hip.
    joint : HipJoint
        The hip.
    config : InfectionConfig
        Limits.

    Returns
    -------
    tuple of Finding
        The reminder is among them in any case.
    """
    out = []
    for kind, code, words, least, source in (
        ("gas", "gas-near-implant", "gas in the soft tissue", config.least_gas_ml, _GAS_SOURCE),
        ("fluid", "collection-near-implant", "what reads as fluid", config.least_fluid_ml, _FLUID_SOURCE),
    ):
        own = [p for p in pockets if p.kind == kind and not is_taken_for_bowel(p, config=config)]
        if not own:
            continue
        total = sum(p.volume_ml for p in own)
        largest = max(own, key=lambda p: p.volume_ml)
        out.append(
            Finding(
                code=code,
                severity="warning" if kind == "gas" else "caution",
                message=f"{joint.side} hip: {total:.1f} mL of {words} near the implant: infection must be ruled out by "
                "aspiration or biopsy with culture before any cement.",
                where_lps=point_tuple(np.round(largest.centre_lps, 1)),
                measured=round(total, 2),
                limit=least,
                unit="mL",
                source=source,
            )
        )
    out.append(
        Finding(
            code="infection-not-ruled-out",
            severity="info",
            message=f"{joint.side} hip: CT cannot rule infection out; where it is suspected, biopsy and culture come "
            "before cement.",
            where_lps=point_tuple(joint.head_lps),
            source=_REMINDER_SOURCE,
        )
    )
    return tuple(out)


def _round_metal(joint: HipJoint, metal: Mask, config: InfectionConfig) -> tuple[slice, slice, slice] | None:
    """Give the block round this hip's metal."""
    grid = metal.grid
    own = block_round(metal.voxels & _of_this_hip(joint, grid, config), 0)
    if own is None:
        return None
    # the grid stands upright: the block's corners are the metal's ends
    points = np.asarray(grid.to_lps([[at.start for at in own], [at.stop - 1 for at in own]]))
    return block_of(grid, np.stack([points.min(axis=0) - config.reach_mm, points.max(axis=0) + config.reach_mm]))


def _cropped(grid: Grid, block: tuple[slice, slice, slice]) -> Grid:
    z, y, x = block
    return grid.crop((z.start, y.start, x.start), (z.stop, y.stop, x.stop))


def with_core(gas: Bools, core: Bools) -> Bools:
    """Keep the pieces of gas with a core as dark as gas: streaks have none.

    Parameters
    ----------
    gas, core : ndarray of bool, shape (S, R, C)
        What may be gas, and what is as dark.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
    """
    labels = cc3d.connected_components(gas.astype(np.uint8), connectivity=26)
    keep = np.bincount(labels[core], minlength=int(labels.max()) + 1) > 0
    keep[0] = False
    return np.asarray(keep[labels])


def muscle_hu(hu: Floats, where: Bools) -> float | None:
    """Estimate what the patient's muscle reads.

    Parameters
    ----------
    hu : ndarray, shape (S, R, C)
        The CT, smoothed.
    where : ndarray of bool, shape (S, R, C)
        Soft tissue clear of metal.

    Returns
    -------
    float or None
        The commonest reading over fat's; None where there is too little soft tissue.
    """
    values = hu[where]
    values = values[(values > _MUSCLE_HU[0]) & (values < _MUSCLE_HU[1])]
    if len(values) < _FEWEST_VOXELS:
        return None
    count, edges = np.histogram(values, bins=np.arange(_MUSCLE_HU[0], _MUSCLE_HU[1] + 1.0, 4.0))
    smooth = np.convolve(count, (1.0, 2.0, 1.0), mode="same")
    return float(edges[int(np.argmax(smooth))] + 2.0)


def _of_this_hip(joint: HipJoint, grid: Grid, config: InfectionConfig) -> Bools:
    """Give the columns of this hip: lateral of the pelvis's inside."""
    x = grid.lps_from_index[0, 3] + grid.spacing_mm[2] * np.arange(grid.shape[2])
    lateral = joint.outwards * (x - float(joint.socket_lps[0]))
    return np.asarray(lateral > -config.medial_mm)[None, None, :]


def readable(where: Bools, trust: TrustMap, grid: Grid, config: PocketConfig) -> Bools:
    """Say where neither trust is low nor a dark streak foretold.

    Parameters
    ----------
    where : ndarray of bool, shape ``grid.shape``
        Where it is asked.
    trust : TrustMap
        What artefacts leave readable.
    grid : Grid
        The grid of `where`.
    config : PocketConfig
        Limits.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
    """
    out = np.zeros_like(where)
    # slice by slice: what is computed of a place stays near at hand
    for number in np.flatnonzero(where.any(axis=(1, 2))):
        cells = cells_in(where[number : number + 1])
        cells[:, 0] += number
        points = np.asarray(grid.to_lps(cells))
        fine = np.flatnonzero(np.asarray(trust.trust_at(points)) >= config.least_trust)
        fine = fine[np.asarray(trust.pattern_at(points[fine])) > -config.most_pattern_hu]
        out[tuple(cells[fine].T)] = True
    return out


def fluid_voxels(hu: Floats, where: Bools, grid: Grid, config: PocketConfig) -> Bools:
    """Give even, thick places that read as water, between fat and this patient's muscle.

    Parameters
    ----------
    hu : ndarray, shape ``grid.shape``
        The CT.
    where : ndarray of bool, shape ``grid.shape``
        Soft tissue that can be read.
    grid : Grid
        Their grid.
    config : PocketConfig
        Limits.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
        Where muscle has turned to fat, or artefacts darken it, nothing tells fluid from it: nothing is given.
    """
    sigma = [config.smooth_mm / s for s in grid.spacing_mm]
    clipped = np.clip(hu, -150.0, 200.0)
    mean = ndi.gaussian_filter(clipped, sigma, truncate=2.5)
    muscle = muscle_hu(mean, where)
    if muscle is None or muscle - config.below_muscle_hu < config.fluid_hu[0]:
        return np.zeros_like(where)
    most = min(config.fluid_hu[1], muscle - config.below_muscle_hu)
    spread = np.sqrt(np.maximum(ndi.gaussian_filter(clipped * clipped, sigma, truncate=2.5) - mean * mean, 0.0))
    wet = where & (mean > config.fluid_hu[0]) & (mean < most) & (spread < config.most_spread_hu)
    reach = config.thick_mm / 2.0
    core = distance_mm(~wet, grid.spacing_mm) > reach
    back = distance_mm(core, grid.spacing_mm, reach_mm=reach) <= reach
    return np.asarray(wet & back) if core.any() else np.zeros_like(wet)


def pockets_of(kind: Literal["gas", "fluid"], voxels: Bools, grid: Grid, *, least_ml: float) -> tuple[Pocket, ...]:
    """Part gas or fluid into its pieces.

    Parameters
    ----------
    kind : {"gas", "fluid"}
        Which.
    voxels : ndarray of bool, shape ``grid.shape``
        All of it.
    grid : Grid
        Its grid.
    least_ml : float
        Smaller pieces are left out.

    Returns
    -------
    tuple of Pocket
        The largest first.
    """
    labels = cc3d.connected_components(voxels.astype(np.uint8), connectivity=26)
    sizes = np.bincount(labels.ravel()) * grid.voxel_volume_mm3 / 1000.0
    sizes[0] = 0.0
    out = []
    boxes = ndi.find_objects(labels)
    for label in np.argsort(-sizes):
        if sizes[label] < least_ml:
            break
        own = np.zeros(grid.shape, dtype=bool)
        own[boxes[label - 1]] = labels[boxes[label - 1]] == label
        middle: Array = np.asarray(grid.to_lps(cells_in(own))).mean(axis=0)
        out.append(Pocket(kind, Mask(grid, own), points_lps(middle)))
    return tuple(out)
