"""Intact levels next to a construct, as places that a needle could be aimed at where prophylaxis is asked for."""

from collections import Counter
from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.config.fracture_config import FractureConfig
from planner.config.prophylaxis_config import ProphylaxisConfig
from planner.geometry.frames import Array, PointsLps, point_tuple, points_lps
from planner.geometry.grid import Grid
from planner.model.finding import Finding
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.endplates import VertebralBody
from planner.segment.anatomy.vertebrae import SpineBones
from planner.segment.candidacy.fractures import LevelHeights
from planner.segment.region import block_of
from planner.segment.trust import TrustMap
from planner.segment.upright import Bools

DEFAULT = ProphylaxisConfig()
_FRACTURES = FractureConfig()
_DEEP = (0.6, 0.75, 0.9)
"""Where along a screw it is asked which vertebra holds it."""
_TURNS_DEG = np.arange(-80.0, 81.0, 10.0)
"""Rays to the walls, from the front to both sides; behind lie the pedicles."""
_HEIGHTS = (-0.5, 0.0, 0.5)
"""At these shares of half the body's height: between the rims."""
_RAY_STEP_MM = 0.4
_WALL_MM, _OUTSIDE_MM = (-2.5, 1.5), (2.0, 5.0)
"""A wall is read so far about the surface, what lies outside so far beyond it: wall and blur, and no rib yet."""
_SOURCE = "Cianfoni 2018: intact adjacent levels were augmented where a focal kyphosis threatened them"


@dataclass(frozen=True, slots=True, eq=False)
class AdjacentTarget:
    """An intact body next to a construct.

    Parameters
    ----------
    bone : str
        The vertebra's name.
    level : str or None
        Its level, where it is known.
    space : Mask
        The cancellous middle of the body's front half, where cement would go.
    centre_lps : PointsLps, shape (3,)
        Its middle.
    body_ml : float
        The whole body, between its endplates' planes and before the pedicles, mL.
    walls_share : float
        Share of its front and sides where a wall is seen.
    """

    bone: str
    level: str | None
    space: Mask
    centre_lps: PointsLps
    body_ml: float
    walls_share: float

    @property
    def space_ml(self) -> float:
        """Volume of the space, mL."""
        return self.space.volume_ml


@dataclass(frozen=True, slots=True, eq=False)
class AdjacentScene:
    """What is known of a spine, on one upright grid.

    Parameters
    ----------
    ct : Volume
        The CT.
    spine : SpineBones
        Vertebrae, told apart.
    metal : Mask
        All metal.
    implants : tuple of Implant
        What was found.
    levels : tuple of LevelHeights
        What bodies have lost.
    trust : TrustMap or None
        What artefacts leave readable.
    """

    ct: Volume
    spine: SpineBones
    metal: Mask
    implants: tuple[Implant, ...]
    levels: tuple[LevelHeights, ...]
    trust: TrustMap | None = None


def adjacent_targets(
    scene: AdjacentScene, *, config: ProphylaxisConfig = DEFAULT, fractures: FractureConfig = _FRACTURES
) -> tuple[tuple[AdjacentTarget, ...], tuple[Finding, ...]]:
    """Offer the intact levels just above and below all screws.

    Parameters
    ----------
    scene : AdjacentScene
        What is known.
    config : ProphylaxisConfig
        Where in a body, and when none is offered.
    fractures : FractureConfig
        When a body has lost height.

    Returns
    -------
    tuple of AdjacentTarget
        From the top down. They are no gaps: there is no lucent space to measure.
    tuple of Finding
        One for each, and one for each level that is not offered, with the reason.

    Raises
    ------
    GeometryError
        If the metal lies on another grid than the CT.
    """
    scene.ct.grid.require_same(scene.metal.grid)
    order = [body.bone for body in scene.spine.bodies if body.bone != "sacrum"]
    held = [order.index(name) for name in _held_by_screws(scene.spine, scene.ct.grid, scene.implants) if name in order]
    if not held:
        return (), (_refused("No vertebra", "no screw was found in a vertebra that was told apart", None),)
    found: list[AdjacentTarget] = []
    said: list[Finding] = []
    on_sacrum = any(body.bone == "sacrum" for body in scene.spine.bodies)
    for place, where in ((min(held) - 1, "above"), (max(held) + 1, "below")):
        if 0 <= place < len(order):
            target, finding = _judged(order[place], scene, config, fractures)
            found += [] if target is None else [target]
            said.append(finding)
        elif where == "above" or not on_sacrum:
            why = "it lies outside the scan, or was not told apart"
            said.append(_refused(f"The level {where} the construct", why, None))
    return tuple(found), tuple(said)


def _judged(
    bone: str, scene: AdjacentScene, config: ProphylaxisConfig, fractures: FractureConfig
) -> tuple[AdjacentTarget | None, Finding]:
    body = next(body for body in scene.spine.bodies if body.bone == bone)
    level = next(own.level for own in scene.spine.bones if own.name == bone)
    loss = next((one.loss for one in scene.levels if one.bone == bone), None)
    name = level if level is not None else bone
    if body.upper is None or body.lower is None:
        return None, _refused(name, "an endplate is outside the scan or hidden", body)
    if loss is None:
        return None, _refused(name, "its height could not be held against its neighbours'", body)
    if loss >= fractures.mild_loss:
        return None, _refused(name, f"it has lost {loss:.0%} of its height: it is not intact", body)
    share = _walls_share(body, scene, config)
    if share < config.least_walls_share:
        why = f"only {share:.0%} of its front and side walls is seen"
        return None, _refused(name, why, body, measured=share, limit=config.least_walls_share)
    space = _space(body, scene, config)
    if space.volume_ml < config.least_ml:
        return None, _refused(name, f"its front half has only {space.volume_ml:.1f} mL of room", body)
    centre = points_lps(np.asarray(space.grid.to_lps(np.argwhere(space.voxels))).mean(axis=0))
    target = AdjacentTarget(bone, level, space, centre, _body_ml(body, scene), share)
    return target, _offer(name, target)


def _height_mm(body: VertebralBody) -> float:
    assert body.upper is not None and body.lower is not None
    return float(np.linalg.norm(body.upper.centre_lps - body.lower.centre_lps))


def _code(spine: SpineBones, bone: str) -> int:
    return next(number for number, own in enumerate(spine.bones, start=1) if own.name == bone)


def _cells_of(
    body: VertebralBody, scene: AdjacentScene
) -> tuple[tuple[slice, slice, slice], Bools, npt.NDArray[np.intp], Array]:
    """Give a block round a body, its bone there, the bone's cells in the block, and their places in the body's frame.

    The places are shares of half the body's width, depth and height: left, back, up.
    """
    grid, centre = scene.ct.grid, np.asarray(body.centre_lps)
    reach = max(body.half_width_mm, body.depth_mm, _height_mm(body))
    block = block_of(grid, np.stack([centre - reach, centre + reach]))
    own: Bools = np.asarray(scene.spine.labels[block] == _code(scene.spine, body.bone))
    cells = np.argwhere(own)
    start = np.array([one.start for one in block])
    local = (np.asarray(grid.to_lps(cells + start)) - centre) @ body.axes_lps
    half = np.array([body.half_width_mm, body.depth_mm / 2.0, _height_mm(body) / 2.0])
    return block, own, cells, local / half


def _body_ml(body: VertebralBody, scene: AdjacentScene) -> float:
    _, _, _, share = _cells_of(body, scene)
    inside = (share[:, 1] <= 1.0) & (np.abs(share[:, 2]) <= 1.0)
    return float(np.count_nonzero(inside)) * scene.ct.grid.voxel_volume_mm3 / 1000.0


def _space(body: VertebralBody, scene: AdjacentScene, config: ProphylaxisConfig) -> Mask:
    """Give the cancellous middle of the body's front half."""
    grid = scene.ct.grid
    block, own, cells, share = _cells_of(body, scene)
    inside = np.zeros(grid.shape, dtype=bool)
    if not len(cells):
        return Mask(grid, inside)
    keep = (np.abs(share[:, 0]) <= config.width_share) & (np.abs(share[:, 2]) <= config.height_share)
    keep &= (share[:, 1] <= 0.0) & (share[:, 1] >= -config.front_share)
    deep = edt.edt(own, anisotropy=grid.spacing_mm, black_border=False)
    keep &= deep[tuple(cells.T)] >= config.from_surface_mm
    metal = scene.metal.voxels[block]
    if metal.any():
        away = edt.edt(~metal, anisotropy=grid.spacing_mm, black_border=False)
        keep &= away[tuple(cells.T)] >= config.from_metal_mm
    start = np.array([one.start for one in block])
    inside[tuple((cells[keep] + start).T)] = True
    return Mask(grid, inside)


def _walls_share(body: VertebralBody, scene: AdjacentScene, config: ProphylaxisConfig) -> float:
    """Give the share of a body's front and sides where a wall is seen: brighter than what lies outside of it."""
    turns = np.radians(_TURNS_DEG)
    flat = np.stack([np.sin(turns), -np.cos(turns), np.zeros_like(turns)], axis=-1) @ body.axes_lps.T
    farthest = 1.5 * max(body.half_width_mm, body.depth_mm / 2.0)
    along = np.arange(0.0, farthest + _OUTSIDE_MM[1], _RAY_STEP_MM)
    up = body.axes_lps[:, 2] * _height_mm(body) / 2.0
    starts = np.asarray(body.centre_lps) + np.array(_HEIGHTS)[:, None] * up
    points = starts[:, None, None] + along[None, None, :, None] * flat[None, :, None]
    points = points.reshape(-1, len(along), 3)
    hu, own, measured = _read(points, body.bone, scene)
    seen = [_has_wall(along, *ray, farthest, config.wall_rise_hu) for ray in zip(hu, own, measured, strict=True)]
    return float(np.mean(seen))


def _read(points: Array, bone: str, scene: AdjacentScene) -> tuple[Array, Bools, Bools]:
    """Read CT, the bone's label, and where the CT tells something, along rays."""
    grid, ct = scene.ct.grid, scene.ct
    index = np.moveaxis(np.asarray(grid.to_index(points)), -1, 0)
    nearest = np.rint(index).astype(int)
    within = np.all((nearest >= 0) & (nearest < np.array(grid.shape)[:, None, None]), axis=0)
    cells = tuple(np.clip(axis, 0, n - 1) for axis, n in zip(nearest, grid.shape, strict=True))
    hu = ndi.map_coordinates(np.asarray(ct.hu, dtype=np.float32), index, order=1, mode="nearest")
    own = within & (scene.spine.labels[cells] == _code(scene.spine, bone))
    known = within & ~scene.metal.voxels[cells]
    if ct.padding is not None:
        known &= ~ct.padding[cells]
    if scene.trust is not None:
        known &= np.asarray(scene.trust.trust_at(points)) >= scene.trust.config.unreadable_below
    return np.asarray(hu), np.asarray(own), np.asarray(known)


def _has_wall(along: Array, hu: Array, own: Bools, known: Bools, farthest_mm: float, rise_hu: float) -> bool:
    """Say whether a ray from within a body meets its wall."""
    inside = np.flatnonzero(own)
    if not len(inside) or along[inside[-1]] > farthest_mm:
        return False
    surface = along[inside[-1]] + _RAY_STEP_MM / 2.0
    wall = (along >= surface + _WALL_MM[0]) & (along <= surface + _WALL_MM[1])
    outside = (along >= surface + _OUTSIDE_MM[0]) & (along <= surface + _OUTSIDE_MM[1])
    if not known[wall | outside].all() or not outside.any():
        return False
    return bool(hu[wall].max() - np.median(hu[outside]) >= rise_hu)


def _held_by_screws(spine: SpineBones, grid: Grid, implants: tuple[Implant, ...]) -> set[str]:
    held = set()
    for implant in implants:
        if implant.kind != "pedicle_screw" or implant.axis is None:
            continue
        head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
        at = np.rint(np.asarray(grid.to_index(points_lps([head + s * (tip - head) for s in _DEEP])))).astype(int)
        at = at[np.all((at >= 0) & (at < grid.shape), axis=1)]
        codes = Counter(int(c) for c in spine.labels[tuple(at.T)] if c > 0)
        if codes:
            held.add(spine.bones[codes.most_common(1)[0][0] - 1].name)
    return held


def _offer(name: str, target: AdjacentTarget) -> Finding:
    return Finding(
        code="prophylactic-target",
        severity="info",
        message=f"{name} is whole and next to the construct: offered as a prophylactic target, as the settings ask "
        f"({target.space_ml:.1f} mL of cancellous bone in its front half); whether it is threatened, one CT does not "
        "tell.",
        where_lps=point_tuple(np.round(target.centre_lps, 1)),
        measured=round(target.space_ml, 2),
        unit="mL",
        source=_SOURCE,
    )


def _refused(
    name: str, why: str, body: VertebralBody | None, *, measured: float | None = None, limit: float | None = None
) -> Finding:
    return Finding(
        code="prophylactic-not-offered",
        severity="info",
        message=f"{name} is not offered as a prophylactic target: {why}.",
        where_lps=None if body is None else point_tuple(np.round(body.centre_lps, 1)),
        measured=None if measured is None else round(measured, 3),
        limit=limit,
        unit=None if measured is None else "1",
        source="this program's rule",
    )
