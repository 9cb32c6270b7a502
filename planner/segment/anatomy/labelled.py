"""What labels from elsewhere tell of what was found: levels, the canal, bones that were not outlined, organs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.label_config import LabelConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.anatomy_labels import LEVELS, AnatomyLabels, level_of, side_of
from planner.model.bones import Bone, BoneKind
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.volume import Mask
from planner.segment.upright import Bools, resample

DEFAULT = LabelConfig()
_LEVELLED = frozenset(("pedicle_screw", "cement"))
"""Implants that lie in one vertebra. Rods and plates span several, cages lie between two."""
_WITHIN = (0.35, 1.0)
"""The stretch of a screw from its head that must lie in its vertebra: before it is the tulip, or a joint."""
_POINTS = 24
_FEWEST_POINTS = 6
_CANAL_APART = 0.5
"""A canal of which the plan's own holds less, where both are, disagrees with it. Ours."""
_BONE_KINDS: dict[str, BoneKind] = {
    "vertebra": "vertebra",
    "sacrum": "sacrum",
    "femur": "femur",
    "hip": "pelvis",
    "rib": "rib",
}

Codes = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """What was found, with what the labels tell of it.

    Parameters
    ----------
    bones : tuple of Bone
        Those found, with their levels, and labelled ones that were not found.
    bone : Mask
        All bone, with labelled bones that the outline lacked.
    canal : Mask or None
        The canal: all that either the plan or the labels take for it.
    forbidden : Mask
        What no needle may cross, with labelled organs and vessels.
    findings : tuple of Finding
        What was taken, and what disagrees.
    """

    bones: tuple[Bone, ...]
    bone: Mask
    canal: Mask | None
    forbidden: Mask
    findings: tuple[Finding, ...]


def apply_labels(
    labels: AnatomyLabels,
    *,
    bone: Mask,
    canal: Mask | None,
    forbidden: Mask,
    metal: Mask,
    bones: Sequence[Bone] = (),
    config: LabelConfig = DEFAULT,
) -> Labelled:
    """Take from labels what they know better than the plan's own outlines.

    Parameters
    ----------
    labels : AnatomyLabels
        As `planner.segment.anatomy.label_check.fit_labels` gives them.
    bone, forbidden, metal : Mask
        The plan's own, on the working grid.
    canal : Mask or None
        The plan's own; None where it found none.
    bones : sequence of Bone
        Bones that were found, on the working grid.
    config : LabelConfig
        Settings.

    Returns
    -------
    Labelled
        On the working grid. The canal is never made smaller, nor is bone or what is forbidden.

    Raises
    ------
    GeometryError
        If the masks lie on different grids.
    """
    grid = bone.grid
    for mask in (forbidden, metal, *(() if canal is None else (canal,)), *(one.mask for one in bones)):
        grid.require_same(mask.grid)
    codes = _codes_on(labels, grid)
    named, disagreeing = name_bones(labels, bones, codes=codes, config=config)
    own_canal = _voxels_of(labels, codes, "canal")
    canal_out, about_canal = _canal(labels, own_canal, canal, grid)
    added, bone_out = _missing_bones(labels, codes, bone, config)
    if canal_out is not None:
        bone_out &= ~canal_out.voxels | bone.voxels
    keep_out = _voxels_of(labels, codes, "other") & ~(bone_out | metal.voxels)
    extra = tuple(_as_bone(name, mask, grid) for name, mask in added if not _is_among(mask, bones))
    words = [
        "levels" if any(level_of(name) for name in labels.names) else "",
        "the canal" if own_canal.any() else "",
        ", ".join(name for name, _ in added),
        "organs and vessels to keep out of" if keep_out.any() else "",
    ]
    return Labelled(
        bones=(*named, *extra),
        bone=Mask(grid, bone_out),
        canal=canal_out,
        forbidden=Mask(grid, forbidden.voxels | keep_out),
        findings=(taken_finding(labels, words), *disagreeing, *about_canal),
    )


def taken_finding(labels: AnatomyLabels, words: Iterable[str]) -> Finding:
    """Say what was taken from labels.

    Parameters
    ----------
    labels : AnatomyLabels
        The labels.
    words : iterable of str
        What was taken; empty ones are left out.

    Returns
    -------
    Finding
    """
    taken = "; ".join(word for word in words if word) or "nothing that was not known"
    message = f"Taken from {labels.name} ({labels.kind}): {taken}. They are as right as whoever made them."
    return Finding(code="labels-taken", severity="info", message=message)


def name_levels(
    labels: AnatomyLabels, implants: Sequence[Implant], gaps: Sequence[Gap], *, config: LabelConfig = DEFAULT
) -> tuple[tuple[Implant, ...], tuple[Gap, ...], tuple[Finding, ...]]:
    """Name the levels of implants and gaps.

    Parameters
    ----------
    labels : AnatomyLabels
        As `planner.segment.anatomy.label_check.fit_labels` gives them.
    implants : sequence of Implant
        What was found; a level that one has already is held against the labels.
    gaps : sequence of Gap
        Their gaps: with the level of their implant, or without one that of the label they lie in. One whose implant has
        none of its own (a cage between two vertebrae) keeps what it has.
    config : LabelConfig
        Settings.

    Returns
    -------
    implants : tuple of Implant
        Screws and cement with the level of the labelled vertebra that their axis runs in; None where that is not one,
        or labels and plan disagree.
    gaps : tuple of Gap
    findings : tuple of Finding
        Where a level was not told although there are labels of vertebrae.
    """
    if not any(level_of(name) for name in labels.names):
        return tuple(implants), tuple(gaps), ()
    findings: list[Finding] = []
    told: dict[str, str | None] = {}
    taken_back: set[str] = set()
    named = []
    for implant in implants:
        if implant.kind in _LEVELLED:
            implant, finding = _named_implant(labels, implant, config)
            findings += [] if finding is None else [finding]
            if finding is not None and finding.code == "label-level-disagrees":
                taken_back.add(implant.id)
        told[implant.id] = implant.level
        named.append(implant)
    gaps_out = []
    for gap in gaps:
        level = (
            told.get(gap.implant_id) if gap.implant_id else _level_at(labels, np.array([gap.centroid_lps]), config)[0]
        )
        if level is not None or gap.implant_id in taken_back:
            gap = gap.model_copy(update={"level": level})
        gaps_out.append(gap)
    return tuple(named), tuple(gaps_out), tuple(findings)


def name_bones(
    labels: AnatomyLabels, bones: Sequence[Bone], *, codes: Codes | None = None, config: LabelConfig = DEFAULT
) -> tuple[tuple[Bone, ...], tuple[Finding, ...]]:
    """Name the levels of vertebrae that were found.

    Parameters
    ----------
    labels : AnatomyLabels
        As `planner.segment.anatomy.label_check.fit_labels` gives them.
    bones : sequence of Bone
        All on one grid.
    codes : ndarray or None
        The labels' codes on that grid; None reads them.
    config : LabelConfig
        Settings.

    Returns
    -------
    bones : tuple of Bone
        Vertebrae with the level whose label most of them is, and which lies mostly in them; None where that is not so.
    findings : tuple of Finding
        One for each vertebra that labels cover, and cannot name.
    """
    wanted = [bone for bone in bones if bone.kind == "vertebra"]
    level_codes = _level_codes(labels)
    if not wanted or not level_codes:
        return tuple(bones), ()
    codes = _codes_on(labels, wanted[0].mask.grid) if codes is None else codes
    most = max(level_codes) + 1
    counts = {bone.name: np.bincount(codes[bone.mask.voxels].ravel(), minlength=256)[:most] for bone in wanted}
    total = np.bincount(codes.ravel(), minlength=256)[:most]
    levels = {bone.name: _one_level(counts[bone.name], total, level_codes, config) for bone in wanted}
    shared = {level for level in levels.values() if level and list(levels.values()).count(level) > 1}
    out, findings = [], []
    for bone in bones:
        if bone.kind != "vertebra":
            out.append(bone)
            continue
        level = levels[bone.name]
        inside = sum(int(counts[bone.name][code]) for code in level_codes)
        known = level is not None and level not in shared and bone.level in (None, level)
        if not known and inside > 0.1 * np.count_nonzero(bone.mask.voxels):
            covered = [n for c, n in level_codes.items() if counts[bone.name][c] > 0.1 * inside]
            findings.append(_disagreement(labels, bone.name, covered, bone.level))
            level = None
        elif not known:
            level = bone.level
        out.append(Bone(bone.name, bone.kind, bone.mask, level, bone.side, bone.is_cut))
    return tuple(out), tuple(findings)


def _one_level(
    own: npt.NDArray[np.intp], total: npt.NDArray[np.intp], levels: dict[int, str], config: LabelConfig
) -> str | None:
    inside = sum(int(own[code]) for code in levels)
    if not inside:
        return None
    best = max(levels, key=lambda code: int(own[code]))
    mostly = own[best] >= config.agreeing * inside and own[best] >= 0.5 * total[best]
    return levels[best] if mostly else None


def _named_implant(labels: AnatomyLabels, implant: Implant, config: LabelConfig) -> tuple[Implant, Finding | None]:
    points = np.array([implant.centroid_lps])
    if implant.axis is not None:
        head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
        points = head + np.linspace(*_WITHIN, _POINTS)[:, None] * (tip - head)
    level, covered = _level_at(labels, points, config)
    if level is not None and implant.level in (None, level):
        return implant.model_copy(update={"level": level}), None
    if not covered and level is None:
        if implant.level is not None:
            return implant, None
        message = f"{implant.id} lies in no labelled vertebra of {labels.name}: its level is not known."
        return implant, Finding(
            code="label-level-missing", severity="info", message=message, where_lps=implant.centroid_lps
        )
    return implant.model_copy(update={"level": None}), _disagreement(
        labels, implant.id, covered, implant.level, implant.centroid_lps
    )


def _disagreement(
    labels: AnatomyLabels,
    name: str,
    covered: Sequence[str],
    known: str | None,
    where_lps: tuple[float, float, float] | None = None,
) -> Finding:
    found = f", and {known} was found" if known is not None else ""
    told = " and ".join(covered) or "no vertebra"
    message = (
        f"The level of {name} is left open: by {labels.name} it lies in {told}{found}. Look at the labels over the CT."
    )
    return Finding(code="label-level-disagrees", severity="caution", message=message, where_lps=where_lps)


def _level_at(labels: AnatomyLabels, points_lps: Array, config: LabelConfig) -> tuple[str | None, list[str]]:
    """Give the level that most points lie in or next to, and all levels that a tenth of them does."""
    named = {**_level_codes(labels), **_codes_of(labels, "sacrum")}
    nearest = [code for code in (_nearest(labels, point, named, config.near_mm) for point in points_lps) if code]
    if len(nearest) < min(_FEWEST_POINTS, len(points_lps)):
        return None, []
    codes, counts = np.unique(nearest, return_counts=True)
    share = counts / len(nearest)
    covered = [named[int(code)] for code, part in zip(codes, share, strict=True) if part > 0.1]
    best = int(np.argmax(share))
    level = named[int(codes[best])]
    # Which of the sacrum's levels cannot be told from a label of the whole.
    return (level if share[best] >= config.agreeing and level in LEVELS else None), covered


def _nearest(labels: AnatomyLabels, point_lps: Array, named: dict[int, str], reach_mm: float) -> int | None:
    """Give the code of the labelled vertebra nearest to a point; None where none is near."""
    grid = labels.grid
    middle = grid.to_index(point_lps)
    reach = np.array([reach_mm / mm for mm in grid.spacing_mm])
    low = np.maximum(np.ceil(middle - reach), 0).astype(int)
    high = np.minimum(np.floor(middle + reach), np.array(grid.shape) - 1).astype(int) + 1
    if np.any(high <= low):
        return None
    block = labels.labels.codes[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    cells = np.argwhere(np.isin(block, list(named)))
    if not len(cells):
        return None
    away = np.linalg.norm(grid.to_lps(cells + low) - point_lps, axis=1)
    at = int(np.argmin(away))
    return int(block[tuple(cells[at])]) if away[at] <= reach_mm else None


def _level_codes(labels: AnatomyLabels) -> dict[int, str]:
    told = ((structure.code, level_of(structure.id)) for structure in labels.labels.structures)
    return {code: level for code, level in told if level is not None}


def _codes_of(labels: AnatomyLabels, name: str) -> dict[int, str]:
    return {structure.code: name for structure in labels.labels.structures if structure.id == name}


def _codes_on(labels: AnatomyLabels, grid: Grid) -> Codes:
    if grid.is_same(labels.grid):
        return labels.labels.codes
    return resample(labels.labels.codes, labels.grid, grid, order=0).astype(labels.labels.codes.dtype)


def _voxels_of(labels: AnatomyLabels, codes: Codes, kind: str) -> Bools:
    own = [structure.code for structure in labels.labels.structures if structure.kind == kind]
    return np.asarray(labels.table(own)[codes])


def _canal(
    labels: AnatomyLabels, told: Bools, canal: Mask | None, grid: Grid
) -> tuple[Mask | None, tuple[Finding, ...]]:
    """Lay both canals together, for a needle must stay out of either."""
    if not told.any():
        return canal, ()
    if canal is None:
        return Mask(grid, told), ()
    both = told.any(axis=(1, 2)) & canal.voxels.any(axis=(1, 2))
    common = told[both]
    share = float((common & canal.voxels[both]).sum()) / max(1, int(common.sum()))
    joined = Mask(grid, canal.voxels | told)
    if not both.any() or share >= _CANAL_APART:
        return joined, ()
    message = (
        f"The spinal canal of {labels.name} lies elsewhere than the one that was found ({share:.0%} of it within): "
        "needles are kept out of both. Look at the labels over the CT."
    )
    finding = Finding(
        code="label-canal-disagrees", severity="warning", message=message, measured=share, limit=_CANAL_APART
    )
    return joined, (finding,)


def _missing_bones(
    labels: AnatomyLabels, codes: Codes, bone: Mask, config: LabelConfig
) -> tuple[list[tuple[str, Bools]], Bools]:
    """Find labelled bones that the plan's own outline hardly holds, and lay them to it."""
    total = np.bincount(codes.ravel(), minlength=256)
    held = np.bincount(codes[bone.voxels].ravel(), minlength=256)
    out = bone.voxels.copy()
    added = []
    for structure in labels.labels.structures:
        count = int(total[structure.code])
        if structure.kind == "bone" and count and held[structure.code] < config.outlined * count:
            own = np.asarray(codes == structure.code)
            added.append((structure.id, own))
            out |= own
    return added, out


def _is_among(mask: Bools, bones: Sequence[Bone]) -> bool:
    """Say whether a labelled bone is one of those found, at least in part."""
    return any(np.count_nonzero(mask & bone.mask.voxels) > 0.1 * np.count_nonzero(mask) for bone in bones)


def _as_bone(name: str, voxels: Bools, grid: Grid) -> Bone:
    level, side = level_of(name), side_of(name)
    ends = (voxels[(slice(None),) * axis + (end,)].any() for axis in range(3) for end in (0, -1))
    words = f"vertebra-{level}" if level else name.replace(" ", "-")
    return Bone(words, _BONE_KINDS.get(name.split()[0], "other"), Mask(grid, voxels), level, side, is_cut=any(ends))
