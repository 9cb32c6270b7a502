"""Labels from elsewhere brought onto a CT, and refused where they cannot belong to it."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import ndimage as ndi

from planner.config.label_config import LabelConfig
from planner.errors import LabelError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.geometry.turn import turn_to_patient
from planner.model.anatomy_labels import LEVELS, AnatomyLabels, level_of, side_of
from planner.model.finding import Finding
from planner.model.labels import LabelMap
from planner.model.volume import Volume
from planner.segment.anatomy.label_shift import FEWEST, SEEN_SHARE, Shift, best_shift
from planner.segment.anatomy.soft_labels import require_soft_parts
from planner.segment.upright import Bools, resample

DEFAULT = LabelConfig()
_NEIGHBOURS_MM = (8.0, 50.0)
"""Middles of neighbouring vertebrae lie so far apart at the least (crushed, or a neck) and at the most. Ours."""
_SIZES_ML = {"vertebra": (1.5, 130.0), "sacrum": (20.0, 500.0), "femur": (15.0, 900.0), "hip": (25.0, 900.0)}
"""A whole bone's volume, at the least and the most. Ours: L4 of a public CT has 65 mL."""
_MISPLACED_MM = 5.0
_BOTH_HIPS_MM = 300.0
"""A body so wide shows both hips, and its middle is the patient's. Ours."""
_BODY_HU = -300.0
_SAME_VOXEL = 0.05
"""Voxels that stray by less than this share are the same: rounded positions. Ours."""


def fit_labels(labels: AnatomyLabels, volume: Volume, *, config: LabelConfig = DEFAULT) -> AnatomyLabels:
    """Bring labels onto a CT's grid, after they were held against the CT.

    Parameters
    ----------
    labels : AnatomyLabels
        On any grid.
    volume : Volume
        The CT.
    config : LabelConfig
        Settings.

    Returns
    -------
    AnatomyLabels
        On the CT's grid, each voxel with the label of the nearest one.

    Raises
    ------
    LabelError
        If they have another frame of reference, lie beside the scan, in gas or on soft tissue, fit better mirrored or
        moved, or name an anatomy that there is not (order, size and side of bones; a canal or organ in air or too
        large).

    Notes
    -----
    Whether labels belong to the CT is told from the share of bone-like voxels within the labelled bones less that in a
    shell about them: as given, with the array mirrored from side to side, front to back, top to bottom and turned half
    round, and moved by a centimetre along each axis. Ours.
    """
    fitted, findings = _onto(labels, volume.grid, config)
    bones = _bones(fitted)
    _require_anatomy(bones, fitted, volume)
    require_soft_parts(fitted, volume, config=config)
    bone = fitted.mask_of_kind("bone")
    if bone is not None:
        _require_place(bone.voxels, volume, fitted.name, config)
    return replace(fitted, findings=(*labels.findings, *findings))


def _onto(labels: AnatomyLabels, grid: Grid, config: LabelConfig) -> tuple[AnatomyLabels, tuple[Finding, ...]]:
    own = labels.grid
    if grid.is_same(own):
        return labels, ()
    frames = {own.frame_of_reference_uid, grid.frame_of_reference_uid} - {None}
    if len(frames) > 1:
        raise LabelError(
            f"{labels.name} belongs to another DICOM frame of reference than the CT: it was made on another scan; make "
            "labels of this one"
        )
    coarse = max(own.spacing_mm)
    if coarse > config.coarsest_mm:
        raise LabelError(
            f"{labels.name} has voxels of {coarse:.1f} mm, too coarse to tell bones apart; make finer labels"
        )
    cells = np.argwhere(labels.labels.codes)
    cells = cells[:: max(1, len(cells) // 200_000)]
    inside = float(grid.contains(own.to_lps(cells)).mean())
    if inside < config.least_inside:
        raise LabelError(
            f"{labels.name} lies beside the CT: only {inside:.0%} of its labelled voxels are in the scan; it was made "
            "on another one, or its axes were turned"
        )
    codes = resample(labels.labels.codes, own, grid, order=0).astype(labels.labels.codes.dtype)
    counts = np.bincount(codes.ravel(), minlength=256)
    structures = tuple(s for s in labels.labels.structures if counts[s.code])
    if not structures:
        raise LabelError(f"{labels.name} has nothing left on the CT's voxels; make labels of this scan")
    fitted = replace(labels, labels=LabelMap(grid, codes, structures))
    if _on_its_voxels(own, grid):
        return fitted, ()
    message = f"The labels of {labels.name} lie on another grid than the CT ({coarse:.1f} mm) and were brought onto it."
    severity = "caution" if coarse > config.fine_mm else "info"
    finding = Finding(
        code="labels-resampled",
        severity="caution" if severity == "caution" else "info",
        message=message,
        measured=round(coarse, 2),
        limit=config.fine_mm,
        unit="mm",
    )
    return fitted, (finding,)


def _on_its_voxels(own: Grid, grid: Grid) -> bool:
    """Say whether a grid's voxels are some of another's, perhaps in another order."""
    ends = np.asarray(grid.to_index(own.corners_lps))
    steps = np.abs(grid.index_from_lps[:3, :3] @ own.lps_from_index[:3, :3])
    return bool(
        np.abs(ends - np.rint(ends)).max() < _SAME_VOXEL and np.abs(steps.max(axis=0) - 1.0).max() < _SAME_VOXEL
    )


@dataclass(frozen=True, slots=True, eq=False)
class _LabelledBone:
    name: str
    middle_lps: Array
    ml: float
    is_cut: bool


def _bones(labels: AnatomyLabels) -> list[_LabelledBone]:
    """Give middle and size of each labelled bone."""
    codes, grid = labels.labels.codes, labels.grid
    boxes = ndi.find_objects(codes.astype(np.uint8))
    out = []
    for structure in labels.labels.structures:
        box = boxes[structure.code - 1]
        if structure.kind != "bone" or box is None:
            continue
        cells = np.argwhere(codes[box] == structure.code)
        middle = grid.to_lps(cells.mean(axis=0) + [s.start for s in box])
        cut = any(s.start == 0 or s.stop == n for s, n in zip(box, grid.shape, strict=True))
        ml = len(cells) * grid.voxel_volume_mm3 / 1000.0
        out.append(_LabelledBone(structure.id, middle, ml, cut))
    return out


def _require_anatomy(bones: list[_LabelledBone], labels: AnatomyLabels, volume: Volume) -> None:
    for why in (_wrong_order(bones), _wrong_size(bones), _wrong_side(bones, volume)):
        if why is not None:
            raise LabelError(f"{labels.name} is implausible: {why}; look at the labels over the CT")


def _wrong_order(bones: list[_LabelledBone]) -> str | None:
    spine = {level_of(bone.name) or "": bone.middle_lps for bone in bones if level_of(bone.name) is not None}
    levels = sorted(spine, key=LEVELS.index)
    for upper, lower in pairwise(levels):
        if spine[upper][2] <= spine[lower][2]:
            return f"{upper} lies below {lower}"
        steps = LEVELS.index(lower) - LEVELS.index(upper)
        apart = float(np.linalg.norm(spine[upper] - spine[lower]))
        # T13 and L6 lie between others in the list, and few people have them.
        few = max(
            1, steps - sum(level in ("T13", "L6") for level in LEVELS[LEVELS.index(upper) + 1 : LEVELS.index(lower)])
        )
        if not few * _NEIGHBOURS_MM[0] <= apart <= steps * _NEIGHBOURS_MM[1]:
            return f"{upper} and {lower} lie {apart:.0f} mm apart"
    low = [bone.middle_lps[2] for bone in bones if bone.name == "sacrum" or bone.name.startswith("femur")]
    high = [middle[2] for level, middle in spine.items() if level != "S1"]
    if low and high and max(low) >= min(high):
        return "the sacrum or a femur lies above a vertebra"
    return None


def _wrong_size(bones: list[_LabelledBone]) -> str | None:
    for bone in bones:
        least, most = _SIZES_ML.get(bone.name.split()[0], (0.0, np.inf))
        if bone.ml > most or (bone.ml < least and not bone.is_cut):
            return f"the {bone.name} has {bone.ml:.1f} mL"
    return None


def _wrong_side(bones: list[_LabelledBone], volume: Volume) -> str | None:
    sided = [bone for bone in bones if side_of(bone.name) is not None]
    middle = [bone.middle_lps[0] for bone in bones if side_of(bone.name) is None]
    if not sided:
        return None
    x = float(np.mean(middle)) if middle else _patients_middle(sided, volume)
    for bone in sided:
        if x is None:
            break
        outwards = bone.middle_lps[0] - x if side_of(bone.name) == "left" else x - bone.middle_lps[0]
        if outwards < -_MISPLACED_MM:
            return f"the {bone.name} lies on the other side of the patient"
    return None


def _patients_middle(sided: list[_LabelledBone], volume: Volume) -> float | None:
    """Give where the midline is: between the two sides of a bone, else the middle of a body that is wholly in view."""
    both = {side_of(bone.name): bone.middle_lps[0] for bone in sided}
    if len(both) == 2:
        return float(np.mean(list(both.values())))
    step = tuple(max(1, round(6.0 / mm)) for mm in volume.grid.spacing_mm)
    body = np.argwhere(volume.hu[:: step[0], :: step[1], :: step[2]] > _BODY_HU) * step
    if len(body) < FEWEST:
        return None
    x = volume.grid.to_lps(body)[:, 0]
    low, high = np.percentile(x, (1, 99))
    return float((low + high) / 2) if high - low >= _BOTH_HIPS_MM else None


def _require_place(bone: Bools, volume: Volume, name: str, config: LabelConfig) -> None:
    """Compare bone-like readings within the labels, as given, mirrored and moved."""
    hu = volume.hu[bone]
    in_air = float(np.mean(hu < config.air_hu))
    if in_air > config.most_in_air:
        raise LabelError(
            f"{name} does not fit the CT: {in_air:.0%} of the voxels labelled as bone lie in gas or air; it was made "
            "on another scan, or its axes were turned"
        )
    scene = _Scene.of(bone, volume, config)
    given = scene.contrast(scene.given)
    if given is None:
        return
    others = [(words, scene.contrast(pair)) for words, pair in scene.others(config.moved_mm)]
    words, best = max(((w, v) for w, v in others if v is not None), key=lambda one: one[1], default=("", -1.0))
    if best > given + config.better_by:
        raise LabelError(f"{name} {_why_elsewhere(scene, words, best, given, config)}")
    if given < config.least_contrast:
        raise LabelError(
            f"{name} does not fit the CT: voxels within its bones are hardly denser than about them ({given:.2f}, at "
            f"least {config.least_contrast:.2f}); it was made on another scan"
        )


def _why_elsewhere(scene: "_Scene", words: str, best: float, given: float, config: LabelConfig) -> str:
    """Say how labels that fit better elsewhere lie: mirrored only where nothing else explains it as well."""
    shift = scene.shift(config.shifted_mm)
    mirrored = best if words in _MIRRORED and best >= config.fitting else None
    moved = None if shift is None or shift.contrast <= given + config.better_by else shift
    how = (
        "the share of bone-like voxels within its bones exceeds that about them by {:.2f} then, "
        f"by {given:.2f} as it is"
    )
    if mirrored is not None and (moved is None or mirrored > moved.contrast + config.alike):
        return f"fits the CT better {words}: {how.format(mirrored)}; export it again with its orientation"
    if moved is None:
        return f"does not lie on the CT's bones ({given:.2f}); it was made on another scan, or moved"
    would = f"Moved by {_in_words(moved)} it would fit: {how.format(moved.contrast)}"
    why = f"does not lie on the CT's bones; shifted? {would}"
    if mirrored is not None and mirrored > moved.contrast - config.alike:
        why += f"; {words} it would as well ({mirrored:.2f})"
    return f"{why}; look at it over the CT, and export it again"


def _in_words(shift: Shift) -> str:
    names = (("up", "down"), ("back", "forwards"), ("to the left", "to the right"))
    parts = [
        f"{abs(mm):.0f} mm {way[0] if mm > 0 else way[1]}" for mm, way in zip(shift.moved_mm, names, strict=True) if mm
    ]
    return " and ".join(parts)


_Pair = tuple[Bools, Bools]
_FLIPS = (
    ("mirrored from left to right", (2,)),
    ("mirrored from front to back", (1,)),
    ("mirrored from top to bottom", (0,)),
    ("turned half round", (1, 2)),
)
_MIRRORED = frozenset(words for words, _ in _FLIPS)


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """Labelled bones, a shell about them, and what is dense, along the patient's axes and thinned."""

    given: _Pair
    dense: Bools
    valid: Bools
    spacing_mm: tuple[float, float, float]

    @classmethod
    def of(cls, bone: Bools, volume: Volume, config: LabelConfig) -> "_Scene":
        turn = turn_to_patient(volume.grid)
        grid = turn.grid(volume.grid)
        step = tuple(max(1, round(config.compared_mm / mm)) for mm in grid.spacing_mm)
        thin = tuple(slice(None, None, s) for s in step)
        mask, hu = turn.array(bone)[thin], np.asarray(turn.array(np.asarray(volume.hu))[thin])
        valid = hu < config.metal_hu
        if volume.padding is not None:
            valid &= ~turn.array(volume.padding)[thin]
        near = ndi.binary_dilation(mask, iterations=1)
        shell = ndi.binary_dilation(near, iterations=2) & ~near
        spacing = tuple(mm * s for mm, s in zip(grid.spacing_mm, step, strict=True))
        return cls((mask, shell), hu > config.bone_hu, valid, (spacing[0], spacing[1], spacing[2]))

    def contrast(self, pair: _Pair) -> float | None:
        """Give the bone-like share within, less that about; None where too little of it is in the scan."""
        mask, shell = (part & self.valid for part in pair)
        inside, about = int(mask.sum()), int(shell.sum())
        if inside < max(FEWEST, SEEN_SHARE * int((self.given[0] & self.valid).sum())) or about < FEWEST:
            return None
        return float(self.dense[mask].mean()) - float(self.dense[shell].mean())

    def shift(self, reach_mm: float) -> Shift | None:
        """Give where the labels fit best, moved and not mirrored."""
        mask, shell = self.given
        return best_shift(
            mask, shell, dense=self.dense, valid=self.valid, spacing_mm=self.spacing_mm, reach_mm=reach_mm
        )

    def others(self, moved_mm: float) -> list[tuple[str, _Pair]]:
        """Give the labels mirrored and moved, with the words for it."""
        out = [(words, (np.flip(self.given[0], axes), np.flip(self.given[1], axes))) for words, axes in _FLIPS]
        for axis, names in enumerate((("up", "down"), ("back", "forwards"), ("to the left", "to the right"))):
            cells = max(1, round(moved_mm / self.spacing_mm[axis]))
            for sign, words in zip((1, -1), names, strict=True):
                pair = (_moved(self.given[0], axis, sign * cells), _moved(self.given[1], axis, sign * cells))
                out.append((f"moved by {cells * self.spacing_mm[axis]:.0f} mm {words}", pair))
        return out


def _moved(mask: Bools, axis: int, cells: int) -> Bools:
    out = np.roll(mask, cells, axis)
    edge = slice(None, cells) if cells > 0 else slice(cells, None)
    out[(slice(None),) * axis + (edge,)] = False
    return out
