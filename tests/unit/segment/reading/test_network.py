"""Small networks on unwrapped maps, against convolutions written out, and turned maps."""

import numpy as np
import pytest
from scipy import ndimage

from planner.segment.reading.network import Network, networks, read_map
from planner.segment.reading.pairs import paired, parted

KINDS = 39
"""What the screws' networks are shown of a cell."""


def _random(seed: int, rows: int = 24, angles: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.5, (rows, angles, KINDS)).astype(np.float32)


def test_a_layer_is_a_convolution_that_goes_on_round_the_implant():
    network = networks("screw")[0]
    weight, offset = network.layers["a1"]
    x = np.random.default_rng(1).normal(size=(8, 8, weight.shape[2])).astype(np.float32)
    expected = np.zeros((8, 8, weight.shape[3]))
    # along the implant the ends go on as they are, round it the map is cyclic
    for i in range(weight.shape[2]):
        padded = np.pad(np.pad(x[..., i], ((1, 1), (0, 0)), mode="edge"), ((0, 0), (1, 1)), mode="wrap")
        for o in range(weight.shape[3]):
            expected[..., o] += ndimage.correlate(padded, weight[:, :, i, o], mode="constant")[1:-1, 1:-1]
    got = network._layer("a1", x)
    assert got == pytest.approx(np.maximum(expected + offset, 0.0), abs=1e-3)


def test_what_is_read_is_a_chance_and_widths():
    seen = read_map("screw", _random(2))
    assert seen.chance.shape == seen.width_mm.shape == seen.spread_mm.shape == (24, 24)
    assert np.all((seen.chance >= 0) & (seen.chance <= 1))
    assert np.all(seen.width_mm >= 0)
    assert np.all(seen.spread_mm > 0)


def test_a_map_that_begins_at_another_angle_reads_alike():
    features = _random(3)
    here, there = read_map("screw", features), read_map("screw", np.roll(features, 4, axis=1))
    assert np.roll(here.chance, 4, axis=1) == pytest.approx(there.chance, abs=1e-4)


def test_rows_of_any_number_are_read():
    for rows in (9, 10, 11):
        assert networks("screw")[0].read(_random(4, rows=rows)).chance.shape == (rows, 24)


def test_nothing_dark_is_no_gap_to_a_network_without_weights():
    layers = {name: (np.zeros_like(w), np.zeros_like(b)) for name, (w, b) in networks("screw")[0].layers.items()}
    assert Network(layers).read(_random(5)).chance == pytest.approx(0.5)


def test_pairs_and_back_keep_what_is_smooth():
    row, angle = np.meshgrid(np.arange(21), np.arange(48), indexing="ij")
    field = row + 3.0 * np.cos(2 * np.pi * angle / 48)
    back = parted(paired(field), field.shape)
    assert back[2:-3] == pytest.approx(field[2:-3], abs=0.05)


def test_pairs_are_means():
    field = np.arange(16.0).reshape(4, 4)
    assert paired(field) == pytest.approx(np.array([[2.5, 4.5], [10.5, 12.5]]))
    assert paired(field[:3])[1] == pytest.approx([8.5, 10.5]), "a last row counts twice"
