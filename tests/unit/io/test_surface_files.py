"""Surface files: where and how large they say they are, in the frame of each format."""

import json
import struct

import numpy as np
import pytest
import trimesh
from trimesh.exchange.obj import export_obj

from planner.errors import OutputError
from planner.io.reduced_surface import ReducedSurface, reduced
from planner.io.surface_files import NamedSurface, write_glb, write_obj, write_stl, write_surface_list
from planner.io.surfaces import surface_of
from tests.unit.io.test_surfaces import AXIAL, CENTRE, ellipsoid, grid_of

NOTE = "UNREVIEWED PLAN: no person has checked it"
OFF_CENTRE = CENTRE + np.array((8.0, -6.0, 4.0))  # towards the left, the front and the head


@pytest.fixture(scope="module")
def egg():
    return reduced(*surface_of(ellipsoid(grid_of(AXIAL))), most_deviation_mm=0.15)


@pytest.fixture(scope="module")
def named(egg):
    small = ellipsoid(grid_of(AXIAL), semi=(2.0, 2.0, 2.0), centre=OFF_CENTRE)
    return (
        NamedSurface("vertebra-1", "bone", egg, (0.7, 0.7, 0.7), 0.3),
        NamedSurface("screw-1", "implant", reduced(*surface_of(small), most_deviation_mm=0.0), (0.337, 0.706, 0.914)),
    )


def gltf_of(path):
    content = path.read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sII I4s", content[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), b"JSON")
    return json.loads(content[20 : 20 + size])


def test_stl_in_lps_mm_says_so(tmp_path, egg):
    write_stl(egg, tmp_path / "a.stl", note=NOTE)
    content = (tmp_path / "a.stl").read_bytes()
    header = content[:80].decode("ascii")
    assert header.startswith("cement-planner SPACE=LPS UNIT=mm DEVIATION<=") and "UNREVIEWED PLAN" in header
    assert float(header.split("<=")[1].split("mm")[0]) == pytest.approx(egg.deviation_max_mm, abs=0.001)
    assert float(header.split("<=")[1].split("mm")[0]) >= egg.deviation_max_mm
    assert len(content) == 84 + 50 * int.from_bytes(content[80:84], "little")
    mesh = trimesh.load(tmp_path / "a.stl")
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume / 1000.0 == pytest.approx(egg.volume_ml, rel=1e-4)
    assert mesh.center_mass == pytest.approx(CENTRE, abs=0.1) and np.allclose(
        mesh.face_normals, np.frombuffer(content[84:], _FACET)["normal"], atol=1e-3
    )


_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def test_obj_in_lps_mm_says_so(tmp_path, named):
    write_obj(named[0], tmp_path / "a.obj", note=f"{NOTE}\nv 1 2 3")
    lines = (tmp_path / "a.obj").read_text(encoding="utf-8").splitlines()
    assert "SPACE=LPS" in lines[0] and "UNIT=mm" in lines[0] and "deviation: at most 0." in lines[1]
    assert lines[2] == f"# {NOTE} v 1 2 3", "a note cannot become geometry"
    assert "o vertebra-1" in lines
    mesh = trimesh.load(tmp_path / "a.obj")
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume / 1000.0 == pytest.approx(named[0].surface.volume_ml, rel=1e-4)
    assert mesh.center_mass == pytest.approx(CENTRE, abs=0.1)


def test_obj_has_the_lines_that_trimesh_writes(tmp_path):
    drawn = np.random.default_rng(3)
    corners = drawn.normal(0.0, 300.0, (200, 3))
    corners[:3] = [[0.0, -0.0, 1e-7], [-1e-7, 5e-6, -5e-6], [1.000005, 2.5e-6, 1e5]]
    triangles = drawn.integers(0, len(corners), (300, 3))
    surface = ReducedSurface(corners, triangles, 300, 0.0, 0.0)
    write_obj(NamedSurface("a", "gap", surface, (0.0, 0.0, 0.0)), tmp_path / "a.obj")
    plain = {"include_normals": False, "include_color": False, "include_texture": False}
    theirs = export_obj(trimesh.Trimesh(corners, triangles, process=False), digits=5, header=None, **plain)
    assert (tmp_path / "a.obj").read_text().split("o a\n")[1] == theirs.strip() + "\n"


def test_glb_in_metres_with_the_head_up_and_the_face_forward(tmp_path, named):
    write_glb(named, tmp_path / "a.glb", note=NOTE)
    scene = trimesh.load(tmp_path / "a.glb")
    assert set(scene.geometry) == {"vertebra-1", "screw-1"}
    for mesh in scene.geometry.values():
        assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0.0
    assert scene.geometry["vertebra-1"].volume * 1e6 == pytest.approx(named[0].surface.volume_ml, rel=1e-3)
    left, head, front = (scene.geometry["screw-1"].center_mass - scene.geometry["vertebra-1"].center_mass) * 1000.0
    assert (left, head, front) == pytest.approx((8.0, 4.0, 6.0), abs=0.1)
    # what is told beside it leads back to the patient
    back = np.array(gltf_of(tmp_path / "a.glb")["scenes"][0]["extras"]["lps_mm_from_position"])
    assert back @ scene.geometry["screw-1"].center_mass == pytest.approx(OFF_CENTRE, abs=0.1)


def test_glb_names_and_colours_its_nodes_and_says_what_they_are(tmp_path, named):
    write_glb(named, tmp_path / "a.glb", note=NOTE)
    gltf = gltf_of(tmp_path / "a.glb")
    assert gltf["asset"]["version"] == "2.0"
    extras = gltf["scenes"][0]["extras"]
    assert extras["note"] == NOTE and extras["unit"] == "m" and "+Y the head" in extras["frame"]
    drawn = [node for node in gltf["nodes"] if "mesh" in node]
    meshes = {node["name"]: gltf["meshes"][node["mesh"]] for node in drawn}
    assert set(meshes) == {"vertebra-1", "screw-1"}
    bone = meshes["vertebra-1"]
    assert bone["extras"]["kind"] == "bone" and bone["extras"]["deviation_max_mm"] >= named[0].surface.deviation_max_mm
    material = gltf["materials"][bone["primitives"][0]["material"]]
    assert material["alphaMode"] == "BLEND"
    red, _, _, alpha = material["pbrMetallicRoughness"]["baseColorFactor"]
    assert alpha == pytest.approx(0.3, abs=0.01)
    assert red == pytest.approx(0.448, abs=0.01), "sRGB 0.7 as light"
    solid = gltf["materials"][meshes["screw-1"]["primitives"][0]["material"]]
    assert solid.get("alphaMode", "OPAQUE") == "OPAQUE"


def test_the_same_surfaces_give_the_same_bytes(tmp_path, named):
    for name in ("a.glb", "b.glb"):
        write_glb(named, tmp_path / name)
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


def test_the_list_tells_deviation_and_frame(tmp_path, named):
    write_surface_list([(named[0], ["vertebra-1.stl"], {"watertight": True})], tmp_path / "s.json", note=NOTE)
    document = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    (one,) = document["surfaces"]
    assert document["note"] == NOTE and document["frame"]["stl"] == "DICOM LPS, mm"
    assert one["id"] == "vertebra-1" and one["files"] == ["vertebra-1.stl"] and one["watertight"] is True
    assert one["triangles"] == len(named[0].surface.triangles) < one["triangles_before"]
    assert named[0].surface.deviation_max_mm <= one["deviation_max_mm"] < named[0].surface.deviation_max_mm + 0.0011
    assert 0.0 < one["deviation_mean_mm"] < one["deviation_max_mm"]


def test_no_folder_to_write_in(tmp_path, egg, named):
    for write in (
        lambda: write_stl(egg, tmp_path / "no" / "a.stl"),
        lambda: write_obj(named[0], tmp_path / "no" / "a.obj"),
        lambda: write_glb(named, tmp_path / "no" / "a.glb"),
        lambda: write_surface_list([], tmp_path / "no" / "a.json"),
    ):
        with pytest.raises(OutputError, match="cannot be written"):
            write()
    assert list(tmp_path.iterdir()) == []
