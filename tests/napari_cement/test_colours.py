"""The legend's colours, as colour-blind people see them."""

from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_cement.drawn.plan_layers import LEGEND

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes 2009 (doi 10.1109/TVCG.2009.113), table 1, severity 1.0; linear RGB.
SEEN = {
    "all colours": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
LEAST = 10.0
"""CIEDE2000; 1 is just told apart side by side, from 10 on at a glance. Ours."""


def lab_of(colour, matrix):
    srgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(matrix @ linear, 0.0, 1.0)
    back = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    return rgb2lab(back[None, None])[0, 0]


def apart(one, other, matrix):
    return float(deltaE_ciede2000(lab_of(one, matrix), lab_of(other, matrix)))


@pytest.mark.parametrize("sight", list(SEEN))
def test_no_two_colours_of_the_legend_look_alike(sight):
    near = [
        (one[0], other[0], round(apart(one[1], other[1], SEEN[sight]), 1))
        for one, other in combinations(LEGEND, 2)
        if apart(one[1], other[1], SEEN[sight]) < LEAST
    ]
    assert not near


def test_two_colours_that_do_look_alike_are_caught():
    red, green = "#C00000", "#5C6B00"
    assert apart(red, green, SEEN["all colours"]) > 3 * LEAST
    assert apart(red, green, SEEN["protanopia"]) < apart(red, green, SEEN["all colours"]) / 2
    assert apart("#EE3377", "#009E73", SEEN["deuteranopia"]) < LEAST, "what the wishes' first red was to the canal"


def test_grey_stays_grey():
    for matrix in SEEN.values():
        assert apart("#808080", "#808080", matrix) == 0.0
        np.testing.assert_allclose(lab_of("#808080", matrix)[1:], 0.0, atol=0.01)
