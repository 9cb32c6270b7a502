"""A bar in textured bone with a gap round it, scanned twice: what grew is known."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from planner.follow.examined import Examined, ExaminedImplant, RegisteredPair
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.model.anatomy import Anatomy
from planner.model.bones import Bone
from planner.model.follow_motion import Registration
from planner.model.implant import Implant, ImplantAxis
from planner.model.unwrapped import UnwrappedMap
from planner.model.volume import Mask, Volume

RADIUS_MM, LENGTH_MM = 3.0, 28.0
HEAD = np.array([20.0, 30.0, -100.0])
DOWN, LEFT, FRONT = np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
MIDDLE = HEAD + DOWN * LENGTH_MM / 2
HALF_MM = 17.0
METAL_HU, GAP_HU, BONE_HU, CEMENT_HU = 6000.0, 40.0, 220.0, 1500.0

_TEXTURE_GRID_MM = 1.0
_TEXTURE = ndimage.gaussian_filter(np.random.default_rng(5).normal(0.0, 1.0, (60, 60, 60)), 1.0) * 220.0


@dataclass(frozen=True)
class Scene:
    """One time: the gap's width all round and what more on the patient's left, and where the bar stands in it."""

    width_mm: float = 1.8
    more_left_mm: float = 0.0
    shift_lps: tuple[float, float, float] = (0.0, 0.0, 0.0)
    cement: str | None = None
    density_hu: float = 0.0


def placed(turn_deg: float = 3.0, shift=(4.0, -6.0, 9.0)) -> np.ndarray:
    """A motion of the patient between the scans."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_about([1.0, 0.0, 0.0], turn_deg)
    matrix[:3, 3] = matrix[:3, :3] @ -MIDDLE + MIDDLE + np.array(shift)
    return matrix


def _scan(scene: Scene, motion, spacing, blur_mm, noise_hu, seed, offset_hu):
    centre = motion[:3, :3] @ MIDDLE + motion[:3, 3]
    fine = 0.5 * np.array(spacing)
    shape = tuple(int(2 * HALF_MM / s) // 2 * 2 for s in fine)
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(fine)[:, ::-1].T @ np.eye(3) if False else 0.0
    matrix[:3, :3] = 0.0
    matrix[2, 0], matrix[1, 1], matrix[0, 2] = fine
    matrix[:3, 3] = centre - (np.array(shape)[::-1] - 1) / 2 * fine[::-1]
    grid = Grid(shape, matrix)
    points = np.stack(np.indices(shape), axis=-1).reshape(-1, 3)
    home = (np.asarray(grid.to_lps(points)) - motion[:3, 3]) @ motion[:3, :3]
    hu, metal, cement = (a.reshape(shape) for a in _tissue(scene, home))
    hu = ndimage.gaussian_filter(hu, blur_mm / fine)

    def pool(a):
        return a.reshape(shape[0] // 2, 2, shape[1] // 2, 2, shape[2] // 2, 2).mean(axis=(1, 3, 5))

    coarse_matrix = matrix.copy()
    coarse_matrix[:3, :3] *= 2.0
    coarse_matrix[:3, 3] = np.asarray(grid.to_lps([0.5, 0.5, 0.5]))
    coarse = Grid(tuple(n // 2 for n in shape), coarse_matrix)
    noise = np.random.default_rng(seed).normal(0.0, noise_hu, coarse.shape)
    ct = Volume(coarse, (pool(hu) + noise + offset_hu).astype(np.float32))
    return ct, Mask(coarse, pool(metal) > 0.5), Mask(coarse, pool(cement) > 0.5)


def _tissue(scene: Scene, home):
    from_head = home - HEAD
    along = from_head @ DOWN
    side = from_head - along[:, None] * DOWN
    wall = RADIUS_MM + scene.width_mm + scene.more_left_mm * (side @ LEFT > 0.0)
    texture = ndimage.map_coordinates(_TEXTURE, ((home - MIDDLE) / _TEXTURE_GRID_MM + 30.0).T, order=1, mode="wrap")
    hu = BONE_HU + scene.density_hu + texture
    hole = (np.linalg.norm(side, axis=1) < wall) & (along < LENGTH_MM + 1.0)
    hu[hole] = GAP_HU
    moved = home - HEAD - np.array(scene.shift_lps)
    below = moved @ DOWN
    metal = (np.linalg.norm(moved - below[:, None] * DOWN, axis=1) < RADIUS_MM) & (below < LENGTH_MM) & (below > 0.0)
    filled = {None: hole & False, "left": hole & (side @ LEFT > 0.0), "all": hole}[scene.cement] & ~metal
    hu[filled] = CEMENT_HU
    hu[metal] = METAL_HU
    return hu, metal.astype(float), filled.astype(float)


def record(implant_id: str, head) -> Implant:
    """The bar as a screw."""
    axis = ImplantAxis(
        head_lps=tuple(head), tip_lps=tuple(head + LENGTH_MM * DOWN), diameter_mm=2 * RADIUS_MM,
        core_diameter_mm=None, length_mm=LENGTH_MM,
    )  # fmt: skip
    return Implant(
        id=implant_id, kind="pedicle_screw", volume_ml=None, centroid_lps=tuple(head), axis=axis, bulls_eye=None,
        side="left", level=None, material="unknown", loosening=None,
    )  # fmt: skip


def unwrapped(scene: Scene, implant_id: str, motion, *, blind: bool = False) -> UnwrappedMap:
    """The map that a perfect reader gives."""
    along = np.arange(2.0, 25.0, 0.5)
    turn = np.arange(48) * 7.5
    radians = np.radians(turn)
    across = np.cos(radians)[:, None] * FRONT + np.sin(radians)[:, None] * np.cross(DOWN, FRONT)
    wall = RADIUS_MM + scene.width_mm + scene.more_left_mm * (across @ LEFT > 0.0)
    shift = np.array(scene.shift_lps)
    inward = across @ shift
    width = -inward + np.sqrt(np.maximum(inward**2 - shift @ shift + wall**2, 0.0)) - RADIUS_MM
    width = np.where(width < 0.4, 0.0, width) + np.zeros((len(along), 1))
    width[:, across @ LEFT > 0.0] = np.nan if scene.cement == "left" else width[:, across @ LEFT > 0.0]
    if blind or scene.cement == "all":
        width[:] = np.nan
    return UnwrappedMap(
        implant_id=implant_id, kind="pedicle_screw", side="left", length_mm=LENGTH_MM, along_mm=along,
        is_tip=np.zeros(len(along), dtype=bool), round_deg=turn, zero_lps=tuple(motion[:3, :3] @ FRONT),
        quarter_lps=tuple(motion[:3, :3] @ np.cross(DOWN, FRONT)), width_mm=width,
        width_sd_mm=np.where(width > 0, 0.2, np.nan), in_bone=np.ones(width.shape, dtype=bool),
        zone=np.zeros(width.shape, dtype=np.int64), zones=("screw-middle",),
    )  # fmt: skip


def examined(scene: Scene, implant_id: str, motion, *, spacing, blur_mm, seed, offset_hu=0.0, blind=False):
    """One scan as the planner sees it, and its cement."""
    ct, metal, cement = _scan(scene, motion, spacing, blur_mm, 12.0, seed, offset_hu)
    bone = Mask(ct.grid, np.ones(ct.grid.shape, dtype=bool))
    head = motion[:3, :3] @ (HEAD + np.array(scene.shift_lps)) + motion[:3, 3]
    implant = record(implant_id, head)
    axis = implant.axis.model_copy(update={"tip_lps": tuple(head + LENGTH_MM * motion[:3, :3] @ DOWN)})
    implant = implant.model_copy(update={"axis": axis})
    anatomy = Anatomy(ct, metal, bone, (), (implant,), bones=(Bone("vertebra-1", "vertebra", bone),))
    maps = (unwrapped(scene, implant_id, motion, blind=blind),)
    return Examined(ct, metal, anatomy, (ExaminedImplant(implant, metal),), maps=maps), cement


def pair_of(before: Scene, after: Scene, *, registered=True, blind=False, offset_hu=0.0):
    """Two scans, of other spacing, kernel and place, and the later one's cement."""
    motion = placed()
    early, _ = examined(before, "screw-1", np.eye(4), spacing=(0.8, 0.6, 0.6), blur_mm=0.45, seed=1)
    late, cement = examined(
        after, "screw-7", motion, spacing=(1.0, 0.7, 0.7), blur_mm=0.6, seed=2, blind=blind, offset_hu=offset_hu
    )
    moved = np.eye(4)
    moved[:3, 3] = after.shift_lps
    told = Registration(
        name="vertebra-1", kind="bone", late_name="vertebra-3", accepted=registered, reason=None,
        late_from_early=None, correlation=0.9, overlap=1.0, precision_mm=0.1, precision_deg=0.1,
    )  # fmt: skip
    pair = RegisteredPair(
        early, late, motion, {"vertebra-1": motion} if registered else {}, {"screw-1": motion @ moved},
        {"screw-1": "screw-7", "vertebra-1": "vertebra-3"}, (told,), {"screw-1": "vertebra-1"},
    )  # fmt: skip
    return pair, cement
