"""Layers over a picture: every bit in its place."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from planner.errors import GeometryError, OutputError
from planner.io.dicom.overlay_planes import MOST_PLANES, OverlayPlane, add_overlays, plain_text

SIZES = [(1, 1), (1, 7), (3, 3), (5, 13), (16, 16), (33, 41), (8, 17), (2, 4)]


def bitmap(shape, seed=3):
    return np.random.default_rng(seed).random(shape) > 0.6


@pytest.mark.parametrize("shape", SIZES)
def test_bits_lie_as_the_standard_says(shape):
    drawn = bitmap(shape)
    ds = Dataset()
    add_overlays(ds, [OverlayPlane("needle", drawn)], shape)
    data = ds[0x6000, 0x3000].value
    assert len(data) % 2 == 0
    # PS3.5 8.1.2: pixel after pixel along the rows, the first in the lowest bit of the first byte.
    bits = [(byte >> k) & 1 for byte in data for k in range(8)]
    assert bits[: drawn.size] == drawn.ravel().astype(int).tolist()
    assert not any(bits[drawn.size :])
    assert np.array_equal(ds.overlay_array(0x6000), drawn)
    assert (ds[0x6000, 0x0010].value, ds[0x6000, 0x0011].value) == shape


def test_layers_are_told_apart():
    shape = (6, 5)
    planes = [OverlayPlane(f"layer {k}", bitmap(shape, seed=k)) for k in range(MOST_PLANES)]
    ds = Dataset()
    add_overlays(ds, planes, shape)
    for k, plane in enumerate(planes):
        group = 0x6000 + 2 * k
        assert ds[group, 0x1500].value == ds[group, 0x0022].value == f"layer {k}"
        assert np.array_equal(ds.overlay_array(group), plane.bitmap)
        assert [ds[group, e].value for e in (0x0040, 0x0050, 0x0100, 0x0102)] == ["G", [1, 1], 1, 0]
    assert max(element.tag.group for element in ds) == 0x601E


def test_none_leave_no_trace():
    ds = Dataset()
    add_overlays(ds, [], (4, 4))
    assert len(ds) == 0


def test_refusals():
    shape = (6, 5)
    with pytest.raises(OutputError, match="17 layers"):
        add_overlays(Dataset(), [OverlayPlane("a", bitmap(shape))] * 17, shape)
    with pytest.raises(GeometryError, match=r"layer 2 is of \(5, 6\) pixels"):
        add_overlays(Dataset(), [OverlayPlane("a", bitmap(shape)), OverlayPlane("b", bitmap((5, 6)))], shape)
    with pytest.raises(OutputError, match="uint8"):
        add_overlays(Dataset(), [OverlayPlane("a", bitmap(shape).astype(np.uint8))], shape)


@pytest.mark.parametrize(
    ("text", "longest", "plain"),
    [
        ("needle trajectory-1", 64, "needle trajectory-1"),
        ("bull’s-eye", 64, "bull?s-eye"),
        ("a\\b\tc\n", 64, "a b c"),
        ("abcdef", 3, "abc"),
        ("", 5, ""),
    ],
)
def test_plain_text(text, longest, plain):
    assert plain_text(text, longest) == plain
