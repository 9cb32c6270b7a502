"""Surfaces as STL, OBJ and GLB files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from planner.geometry.frames import Array
from planner.io.reduced_surface import ReducedSurface
from planner.io.whole_file import write_whole

STL_HEADER = "cement-planner SPACE=LPS UNIT=mm"
"""``SPACE=LPS`` is how 3D Slicer marks the frame in headers of STL and OBJ; STL's must not begin with "solid"."""
_HEADER_LENGTH = 80
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_DIGITS = 5
"""Decimals in OBJ: a hundredth of a micrometre."""
GLTF_M_FROM_LPS_MM = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]) / 1000.0
"""glTF 2.0, section 3.4: right-handed, metres, +Y up, +Z forward. Up is the patient's head, forward the front; then +X
is the patient's left, as the standard has it for whatever faces forward."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedSurface:
    """A surface with what viewers tell of it.

    Parameters
    ----------
    id : str
        The structure's, as in the plan.
    kind : str
        What it is ("implant", "gap", "bone").
    surface : ReducedSurface
        Itself.
    colour : (r, g, b)
        0 to 1.
    opacity : float
        0 to 1.
    """

    id: str
    kind: str
    surface: ReducedSurface
    colour: tuple[float, float, float]
    opacity: float = 1.0


def write_stl(surface: ReducedSurface, path: Path | str, *, note: str = "") -> None:
    """Write a surface as binary STL, LPS mm.

    Parameters
    ----------
    surface : ReducedSurface
        The surface.
    path : Path or str
        Where.
    note : str
        What every reader must know: stands in the header beside frame, unit and deviation, as far as its 80 letters go.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    corners = surface.points_lps[surface.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    facets = np.zeros(len(corners), dtype=_FACET)
    facets["normal"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0.0)
    facets["corners"] = corners
    words = f"{STL_HEADER} DEVIATION<={_upwards(surface)}mm {note}".strip()
    header = words.encode("ascii", "replace")[:_HEADER_LENGTH].ljust(_HEADER_LENGTH)
    write_whole(header + len(facets).to_bytes(4, "little") + facets.tobytes(), path)


def write_obj(named: NamedSurface, path: Path | str, *, note: str = "") -> None:
    """Write a surface as Wavefront OBJ, LPS mm.

    Parameters
    ----------
    named : NamedSurface
        The surface; its id becomes the object's name.
    path : Path or str
        Where.
    note : str
        A comment that every reader must know.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    surface = named.surface
    told = (
        STL_HEADER,
        f"{len(surface.triangles)} triangles of {surface.triangles_before}, deviation: at most {_upwards(surface)} mm, "
        f"mean {surface.deviation_mean_mm:.4f} mm",
        *(" ".join(line.split()) for line in (note,) if line),
    )
    # One format for all lines: trimesh's own writer takes twice as long, for the same bytes.
    corners = f"v %.{_DIGITS}f %.{_DIGITS}f %.{_DIGITS}f\n" * len(surface.points_lps)
    faces = "f %d %d %d\n" * len(surface.triangles)
    head = "".join(f"{line}\n" for line in (*(f"# {line}" for line in told), f"o {named.id}"))
    corners %= tuple(surface.points_lps.ravel().tolist())
    faces %= tuple((surface.triangles + 1).ravel().tolist())
    write_whole((head + corners + faces).encode("utf-8"), path)


def write_glb(surfaces: Sequence[NamedSurface], path: Path | str, *, note: str = "") -> None:
    """Write surfaces as one binary glTF 2.0, metres, Y up.

    Parameters
    ----------
    surfaces : sequence of NamedSurface
        One node for each, named by its id, with its colour.
    path : Path or str
        Where.
    note : str
        What every reader must know: among the scene's extras, beside the frame.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    scene = trimesh.Scene()
    scene.metadata = {
        "frame": "glTF: +X the patient's left, +Y the head, +Z the front",
        "unit": "m",
        "lps_mm_from_position": np.linalg.inv(GLTF_M_FROM_LPS_MM).round(9).tolist(),
        "note": note,
    }
    for named in surfaces:
        mesh = trimesh.Trimesh(_turned(named.surface.points_lps), named.surface.triangles, process=False)
        mesh.visual = TextureVisuals(material=_material(named))  # type: ignore[no-untyped-call]
        mesh.metadata = {"id": named.id, "kind": named.kind, **_told(named.surface)}
        scene.add_geometry(mesh, node_name=named.id, geom_name=named.id)
    content: bytes = scene.export(file_type="glb", include_normals=True)  # type: ignore[no-untyped-call]
    write_whole(content, path)


def write_surface_list(
    surfaces: Sequence[tuple[NamedSurface, Sequence[str], dict[str, Any]]], path: Path | str, *, note: str = ""
) -> None:
    """Write what the surfaces' files hold, how far each may be trusted, and in which frame and unit.

    Parameters
    ----------
    surfaces : sequence of (NamedSurface, sequence of str, dict)
        Each surface, the names of its files, and what else is told of it.
    path : Path or str
        Where: JSON.
    note : str
        What every reader must know.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    document = {
        "note": note,
        "frame": {
            "stl": "DICOM LPS, mm",
            "obj": "DICOM LPS, mm",
            "glb": "glTF 2.0, m: +X the patient's left, +Y the head, +Z the front",
        },
        "deviation": "Greatest and mean distance from the surface as it was taken from the voxels (flying edges, "
        "windowed-sinc smoothing) before triangles were taken out, from each surface to the other, the larger of the "
        "two, at all corners and middles of triangles. What the voxels themselves leave unsure comes on top.",
        "surfaces": [
            {"id": one.id, "kind": one.kind, "files": list(files), **_told(one.surface), **more}
            for one, files, more in surfaces
        ],
    }
    write_whole((json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8"), path)


def _told(surface: ReducedSurface) -> dict[str, Any]:
    return {
        "triangles": len(surface.triangles),
        "triangles_before": surface.triangles_before,
        "deviation_max_mm": float(_upwards(surface)),
        "deviation_mean_mm": round(surface.deviation_mean_mm, 4),
        "volume_ml": round(surface.volume_ml, 4),
    }


def _upwards(surface: ReducedSurface) -> str:
    """Give the greatest deviation to a thousandth, never less than it is."""
    return f"{np.ceil(1000.0 * surface.deviation_max_mm) / 1000.0:.3f}"


def _turned(points_lps: Array) -> Array:
    return points_lps @ GLTF_M_FROM_LPS_MM.T


def _material(named: NamedSurface) -> PBRMaterial:
    # glTF multiplies light: its factors are linear, the legend's colours are sRGB.
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in named.colour]
    rgba = [round(255 * share) for share in (*linear, named.opacity)]
    return PBRMaterial(  # type: ignore[no-untyped-call]
        name=named.kind,
        baseColorFactor=rgba,
        alphaMode="BLEND" if named.opacity < 1.0 else "OPAQUE",
        metallicFactor=0.0,
        roughnessFactor=0.6,
    )
