"""A plan's surfaces: which there are, how they look, and their files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

from planner.config.output_config import OutputConfig, SurfaceFormat
from planner.io.reduced_surface import is_closed, reduced
from planner.io.surface_files import NamedSurface, write_glb, write_obj, write_stl, write_surface_list
from planner.io.surfaces import surface_of
from planner.model.labels import LabelMap, StructureKind
from planner.model.structure_colours import STRUCTURE_COLOURS
from planner.model.volume import Mask
from planner.pipeline.planned_case import PlannedCase
from planner.progress import SILENT, Monitor, track
from planner.report.palette import UNREADABLE
from planner.report.review_words import review_line

KIND_COLOURS: dict[StructureKind, str] = {"disc": "#0072B2", "other": "#999999", **STRUCTURE_COLOURS}
"""The legend's; discs have the blue of M. Okabe and K. Ito that it does not use."""
ALL_BONE, OTHER_BONE = "bone", "other-bone"
_GLB = "plan.glb"
_MISSING = "missing bone"
_APART: tuple[SurfaceFormat, ...] = ("stl", "obj")
"""Formats with one structure a file. The first that is written is the one that scenes show."""
_OPACITY = {"gap": 0.65, "bone": 0.3}
"""So that implants and gaps are seen through bone. As napari's canvas has it."""


@dataclass(frozen=True, slots=True, eq=False)
class WrittenSurface:
    """A surface and its files.

    Parameters
    ----------
    named : NamedSurface
        The surface.
    files : tuple of str
        Of this surface alone, relative to the surfaces' folder.
    in_scene : bool
        Whether it stands where all are shown together: bones that were told apart do, all bone in one then does not.
    """

    named: NamedSurface
    files: tuple[str, ...]
    in_scene: bool


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Part:
    id: str
    kind: str
    in_scene: bool
    mask: Callable[[], Mask]
    """Makes it when it is its turn: masks on a whole CT's grid are large."""


def colour_of(hexadecimal: str) -> tuple[float, float, float]:
    """Turn ``#RRGGBB`` into red, green and blue, 0 to 1."""
    red, green, blue = (int(hexadecimal[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def write_plan_surfaces(
    case: PlannedCase, folder: Path, config: OutputConfig, *, monitor: Monitor = SILENT
) -> tuple[WrittenSurface, ...]:
    """Write implants, gaps, bones and missing bone as closed surfaces.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    folder : Path
        Where; made where anything is to be written.
    config : OutputConfig
        Which formats, and how far a surface may deviate.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    tuple of WrittenSurface
        Empty where the settings ask for none.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    OutputError
        If a file cannot be written.
    """
    if not config.surfaces:
        return ()
    folder.mkdir()
    note = review_line(case.plan.review)
    written: list[WrittenSurface] = []
    told: list[tuple[NamedSurface, tuple[str, ...], dict[str, float]]] = []
    formats = [one for one in _APART if one in config.surfaces]
    for part in track(_parts(case), stage="writing surfaces", monitor=monitor):
        mask = part.mask()
        if not mask.voxels.any():
            continue
        surface = reduced(*surface_of(mask), most_deviation_mm=config.surface_deviation_mm)
        named = NamedSurface(part.id, part.kind, surface, _colour(part.kind), _OPACITY.get(part.kind, 1.0))
        files = tuple(_write(named, folder, file_format, note) for file_format in formats)
        written.append(WrittenSurface(named, files, part.in_scene))
        closed = is_closed(surface.points_lps, surface.triangles)
        more = {"voxels_ml": round(mask.volume_ml, 4), "watertight": closed, "in_glb": part.in_scene}
        told.append((named, files, more))
    if "glb" in config.surfaces and (shown := [one.named for one in written if one.in_scene]):
        write_glb(shown, folder / _GLB, note=note)
    write_surface_list(told, folder / "surfaces.json", note=note)
    return tuple(written)


def _parts(case: PlannedCase) -> list[_Part]:
    """Give implants and gaps as labelled, then all bone, each bone, and bone that is missing."""
    labels, bones = case.labels, case.anatomy.bones

    boxes = ndimage.find_objects(np.asarray(labels.codes))

    def labelled(code: int) -> Callable[[], Mask]:
        return lambda: _labelled(labels, code, boxes[code - 1] if code <= len(boxes) else None)

    # A label is what is left of a bone beside implants and gaps; the anatomy has the whole of those told apart.
    shown = [s for s in labels.structures if s.kind in ("implant", "gap")]
    parts = [_Part(id=s.id, kind=s.kind, in_scene=True, mask=labelled(s.code)) for s in shown]
    rest = [s for s in labels.structures if s.kind == "bone" and s.id == ALL_BONE and bones]
    parts += [_Part(id=OTHER_BONE, kind="bone", in_scene=True, mask=labelled(s.code)) for s in rest]
    whole = [(ALL_BONE, "bone", not bones, case.anatomy.bone)]
    apart = [(bone.name, "bone", True, bone.mask) for bone in bones]
    missing = [(defect.name, _MISSING, False, defect.mask) for defect in case.defects]
    for name, kind, in_scene, mask in (*whole, *apart, *missing):
        parts.append(_Part(id=name.replace(" ", "-"), kind=kind, in_scene=in_scene, mask=partial(_same, mask)))
    return parts


def _labelled(labels: LabelMap, code: int, box: tuple[slice, ...] | None) -> Mask:
    """Pick one label. Only its box is read and written: memory that nothing was written to takes no room."""
    own = np.zeros(labels.grid.shape, dtype=bool)
    if box is not None:
        own[box] = np.asarray(labels.codes[box] == code)
    return Mask(labels.grid, own)


def _same(mask: Mask) -> Mask:
    return mask


def _write(named: NamedSurface, folder: Path, file_format: SurfaceFormat, note: str) -> str:
    name = f"{named.id}.{file_format}"
    if file_format == "stl":
        write_stl(named.surface, folder / name, note=note)
    else:
        write_obj(named, folder / name, note=note)
    return name


def _colour(kind: str) -> tuple[float, float, float]:
    found = next((colour for known, colour in KIND_COLOURS.items() if known == kind), UNREADABLE)
    return colour_of(found)
