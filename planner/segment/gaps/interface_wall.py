"""The wall of a gap on an unwrapped interface: which cells are lucent, and how wide."""

import cc3d
import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.segment.gaps.bone_levels import BoneLevels
from planner.segment.gaps.halo_surface import optimal_labels
from planner.segment.gaps.interface_level import noise_hu, turning_artefact, without_remnant
from planner.segment.gaps.interface_rays import OFFSET_STEP_MM, OFFSETS_MM, Interface
from planner.segment.unwrap import Cells, Floats

_READ = (OFFSETS_MM >= 0.75) & (OFFSETS_MM <= 5.0)
"""Nearer to the metal its blur hides all else; farther off lies the bone's own outside."""
_SAMPLES_ALIKE = 8.0
"""So many neighbouring samples of a profile tell one thing: blur and averaging join them; set on tuning cases."""
_FIRM_MM = (-2.0, 0.75, 1.5, 2.25, 3.0, 4.0, 6.0)
"""Where cortex may follow on cancellous bone or marrow in cells without a gap."""
_MARROW_HU, _MARROW_PRICE = -70.0, 0.1
_WALL_VARIES = 0.3
"""Of its height: cortex is no even wall."""
_VARIES_HU_PER_MM, _RIM_MM, _NEAREST_MM = 50.0, 1.25, 0.75
"""And ends: from so far behind its face bone may differ from it, the more the farther."""
_GREATEST_BONE_HU = 1500.0
_OUTLIER = 3.0
_BEST, _WORST = -1.5, 2.0
"""Of a cell's evidence for a gap, so that no single cell outvotes its neighbours."""
_WIDE_MM, _WIDE_PRICE = 2.5, 0.3
"""Each mm beyond is dearer: wide spaces are told in 3D, and slow artefacts look like wide, shallow gaps."""
_LEAST_SIGMAS, _THIN_PRICE = 2.0, 0.3
"""The least width that the blur leaves to see."""
_OUTSIDE_MM = 0.5
_BORDER_CELLS, _BORDER_PRICE = 2, 0.6
"""How far a patch that counts makes its neighbours likelier to be lucent, and by how much."""
_NEVER = -3.0
_FLOOR_SHARE, _LEAST_RISE_HU = 0.5, 30.0
"""How much of a narrow gap's lifted floor is taken for its content; set on the hip phantom's 2 mm line."""
_ROUNDS = 2


def find_lucent(interface: Interface, levels: BoneLevels, config: HipGapConfig) -> tuple[Cells, Array, Floats]:
    """Find the lucent cells and where their wall stands.

    Parameters
    ----------
    interface : Interface
        The unwrapped interface.
    levels : BoneLevels
        The patient's own bone.
    config : HipGapConfig
        The widths tried.

    Returns
    -------
    lucent : ndarray of bool, shape (rows, angles)
    width_mm : ndarray, shape (rows, angles)
        Square to the metal; 0 where nothing is lucent.
    profiles : ndarray, shape (rows, angles, len(OFFSETS_MM))
        HU as they were judged: without what blur and artefacts leave beside the metal.

    Notes
    -----
    Each width is priced by the likelihood of its model, a step blurred as the metal's edge is, from interface tissue to
    a wall of any height, against the best one without a gap: a step from the patient's own cancellous bone, or from
    marrow, to cortex at any depth. The noise is the cells' own. Neighbours agree by semi-global labels.
    """
    widths = np.arange(config.least_width_mm, config.greatest_width_mm, config.width_step_mm)
    plain = profiles = without_remnant(interface, levels, config)
    area = interface.area_mm2()
    lucent: Cells | None = None
    width = np.zeros(area.shape)
    for _ in range(_ROUNDS + 1 if interface.is_shaft and interface.is_streaked else 1):
        if interface.is_shaft and interface.is_streaked:
            expected = _expected(plain, interface, lucent, levels, config)
            profiles = plain - turning_artefact(plain, interface, expected, levels)
        labels = _labels(profiles, interface, widths, levels, config)
        lucent = (labels > 0) & interface.in_bone
        width = np.r_[0.0, widths][labels]
    width = _edge(profiles, interface, width, config)
    lucent = large_patches((width > 0) & interface.in_bone, area, config.least_patch_mm2)
    return lucent, np.where(lucent, np.minimum(width, interface.limit_mm), 0.0), profiles


def _expected(
    profiles: Floats, interface: Interface, lucent: Cells | None, levels: BoneLevels, config: HipGapConfig
) -> Array | float:
    if lucent is not None:
        return np.where(lucent, config.fibrous_hu, levels.cancellous_hu)
    inner = profiles[..., (OFFSETS_MM >= 1.0) & (OFFSETS_MM <= 1.75)].mean(axis=-1)
    soft = interface.in_bone & (inner < levels.cancellous_hu + 200.0)
    return float(np.median(inner[soft])) if soft.any() else levels.cancellous_hu


def _labels(
    profiles: Floats, interface: Interface, widths: Array, levels: BoneLevels, config: HipGapConfig
) -> np.typing.NDArray[np.intp]:
    price = _prices(profiles, interface, widths, levels, config)
    none = np.where(interface.in_bone, config.no_gap_price, _NEVER)
    labels = optimal_labels(np.concatenate([none[..., None], price], axis=2))
    first = large_patches((labels > 0) & interface.in_bone, interface.area_mm2(), config.least_patch_mm2)
    beside = ndimage.binary_dilation(first, iterations=_BORDER_CELLS)
    none = np.where(beside & interface.in_bone, config.no_gap_price + _BORDER_PRICE, none)
    return optimal_labels(np.concatenate([none[..., None], price], axis=2))


def _prices(profiles: Floats, interface: Interface, widths: Array, levels: BoneLevels, config: HipGapConfig) -> Array:
    """Price of each width against none, shape (rows, angles, widths)."""
    noise = noise_hu(profiles, interface, levels)
    bone = float(np.clip(levels.cancellous_hu, config.fibrous_hu + 30.0, 250.0))
    read = _Read(profiles[..., _READ], interface, noise, config.fibrous_hu)
    firm = [read.misfit(bone, w, bone - noise) for w in _FIRM_MM]
    firm += [read.misfit(_MARROW_HU, w, 0.0) + _MARROW_PRICE for w in _FIRM_MM[1:]]
    none = np.min(np.stack(firm), axis=0)
    gap = np.stack([read.misfit(config.fibrous_hu, w, bone - noise) for w in widths], axis=-1)
    price = np.clip(gap - none[..., None], _BEST, _WORST) + _WIDE_PRICE * np.maximum(widths - _WIDE_MM, 0.0)
    thin = widths < _LEAST_SIGMAS * interface.sigma_mm[..., None]
    price = np.where(thin, np.maximum(price, _THIN_PRICE), price)
    # beyond the envelope there is no wall of bone
    return np.asarray(np.where(widths > interface.limit_mm[..., None] + _OUTSIDE_MM, _WORST, price))


class _Read:
    """Profiles as they are held against blurred steps."""

    def __init__(self, profiles: Floats, interface: Interface, noise: float, fibrous_hu: float) -> None:
        self.offsets: Array = OFFSETS_MM[_READ]
        self.profiles = profiles
        self.sigma = interface.sigma_mm[..., None]
        # beyond the envelope nothing is known
        self.counts = self.offsets <= np.maximum(interface.limit_mm[..., None], 1.0)
        self.noise, self.fibrous_hu = noise, fibrous_hu
        self.spread = noise * (1.0 + np.exp(-(self.offsets - self.offsets[0]) / 0.4))

    def misfit(self, inner_hu: float, wall_mm: float, least_wall_hu: float) -> Array:
        """Half the squared deviations from a step at a depth, its outer level fitted."""
        beyond = ndtr((self.offsets - wall_mm) / self.sigma)
        weight = beyond * self.counts
        outer = ((self.profiles - inner_hu * (1.0 - beyond)) * weight).sum(axis=-1)
        outer /= np.maximum((beyond * weight).sum(axis=-1), 0.3)
        outer = np.clip(outer, max(inner_hu, least_wall_hu), _GREATEST_BONE_HU)[..., None]
        varies = _WALL_VARIES * np.abs(outer - self.fibrous_hu) * beyond
        # a rim ends, and bone behind it is what it is
        varies = varies + _VARIES_HU_PER_MM * np.maximum(self.offsets - max(wall_mm, _NEAREST_MM) - _RIM_MM, 0.0)
        spread = np.hypot(self.spread, varies)
        off = np.minimum(((self.profiles - inner_hu * (1.0 - beyond) - outer * beyond) / spread) ** 2, _OUTLIER**2)
        return np.asarray(((off + 2.0 * np.log(spread / self.noise)) * self.counts).sum(axis=-1) / _SAMPLES_ALIKE)


def _edge(profiles: Floats, interface: Interface, width: Array, config: HipGapConfig) -> Array:
    """Move the wall to where the rise has the ratio of height to slope that a blurred step has at its middle.

    The ratio asks for no plateau behind the wall, so that a thin rim before a denser cortex is found as well as a step.
    """
    p, k = profiles, np.arange(len(OFFSETS_MM))
    lumen = (OFFSETS_MM[_READ][0] <= OFFSETS_MM) & (width[..., None] >= OFFSETS_MM)
    lowest = np.where(lumen, p, np.inf)
    deepest, at = lowest.min(2), lowest.argmin(2)
    # both walls' blur lifts the floor of a narrow gap above interface tissue
    floor = np.minimum(deepest, config.fibrous_hu + _FLOOR_SHARE * np.maximum(0.0, deepest - config.fibrous_hu))
    slope = np.gradient(p, OFFSET_STEP_MM, axis=2)
    excess = p - floor[..., None] - np.sqrt(np.pi / 2) * interface.sigma_mm[..., None] * slope
    near = (k > at[..., None]) & (np.abs(OFFSETS_MM - width[..., None]) < 1.5) & (slope > 0)
    past = near & (excess >= 0) & (p - floor[..., None] > _LEAST_RISE_HU)
    b = np.argmax(past, axis=2)
    a = np.maximum(b - 1, 0)
    finite = np.where(np.isfinite(excess), excess, 0.0)
    ea, eb = (np.take_along_axis(finite, i[..., None], 2)[..., 0] for i in (a, b))
    share = np.clip(-ea / np.maximum(eb - ea, 1e-6), 0.0, 1.0)
    return np.asarray(np.where(past.any(2) & (width > 0), OFFSETS_MM[a] + share * OFFSET_STEP_MM, width))


def large_patches(lucent: Cells, area_mm2: Array, least_mm2: float) -> Cells:
    """Drop patches too small to be told from noise; angles are cyclic."""
    twice = np.concatenate([lucent, lucent], axis=1)
    joined = ndimage.binary_closing(twice, np.ones((3, 3)))
    labels = cc3d.connected_components(joined[:, :, None].astype(np.uint8))[:, :, 0]
    sizes = np.bincount(labels.ravel(), weights=(np.concatenate([area_mm2, area_mm2], axis=1) * twice).ravel())
    sizes[0] = 0.0
    # seen twice, a patch over the seam is whole in the middle
    kept = (sizes >= least_mm2)[labels] & twice
    n = lucent.shape[1]
    return np.asarray((kept[:, :n] | kept[:, n:]) & lucent)
