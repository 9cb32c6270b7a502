"""Cement behind a plastic cup in a plain pelvis, and sockets without any."""

import numpy as np
import pytest

from planner.config.hardware_config import CupCementConfig
from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantSphere
from planner.model.volume import Mask
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, HalfSpace, Intersection
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, MUSCLE, PMMA, POLYETHYLENE, TITANIUM
from planner.segment.implants.cup_cement import find_cup_cement, shell_round
from planner.segment.implants.metal import find_metal
from planner.segment.implants.parts import ImplantPart

CONFIG = CupCementConfig()
CENTRE = (3.0, -2.0, 1.0)
HEAD = Part("head", Ball(CENTRE, 14.0), TITANIUM)


def cap(radius, tissue, name="cap"):
    return Part(name, Intersection((Ball(CENTRE, radius), HalfSpace(CENTRE, (0.0, 0.0, -1.0)))), tissue)


def scanned(*parts):
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 1.0], [0, 1.0, 0], [1.25, 0, 0]]
    matrix[:3, 3] = (-44.0, -49.0, -46.0)
    return ideal_scan(Scene(parts, MUSCLE), Grid((76, 95, 95), matrix), IdealScan(seed=6))


def head_part(volume, *, sized=True):
    sphere = ImplantSphere(centre_lps=CENTRE, diameter_mm=28.0, opening_lps=None) if sized else None
    record = Implant(
        id="head-right", kind="femoral_head", volume_ml=None, centroid_lps=CENTRE, axis=None, bulls_eye=None,
        side="right", level=None, material="unknown", loosening=None, sphere=sphere,
    )  # fmt: skip
    return ImplantPart(record, Mask(volume.grid, np.zeros(volume.grid.shape, dtype=bool)))


def found(volume, **told):
    metal = find_metal(volume, ImplantConfig())
    return find_cup_cement(volume, metal, (head_part(volume, **told),), CONFIG)


def cemented():
    return scanned(cap(41.0, CANCELLOUS), cap(27.0, PMMA), cap(24.0, POLYETHYLENE), HEAD)


def test_the_shell_behind_the_plastic_is_cement():
    (cement,) = found(cemented())
    record = cement.record
    assert (record.id, record.kind, record.side, record.material) == ("cement-cup-right", "cement", "right", "pmma")
    true_ml = 2.0 / 3.0 * np.pi * (27.0**3 - 24.0**3) / 1000.0
    assert record.volume_ml == pytest.approx(true_ml, rel=0.15)
    assert np.linalg.norm(np.subtract(record.centroid_lps, CENTRE) - [0.0, 0.0, 12.8]) < 1.5


@pytest.mark.parametrize(
    "parts",
    [
        (cap(41.0, CANCELLOUS), cap(25.2, CORTICAL), cap(24.0, POLYETHYLENE), HEAD),
        (cap(41.0, CANCELLOUS), cap(27.0, TITANIUM), cap(23.0, POLYETHYLENE), HEAD),
        (cap(41.0, CANCELLOUS), cap(19.0, CORTICAL), cap(16.0, MUSCLE), HEAD),
        (HEAD,),
    ],
    ids=["a plate of bone", "a metal shell", "a natural socket", "nothing"],
)
def test_what_is_not_cement(parts):
    assert found(scanned(*parts)) == ()


def test_a_head_of_unknown_size_says_nothing():
    volume = cemented()
    assert (
        shell_round(volume, find_metal(volume, ImplantConfig()), head_part(volume, sized=False).record, CONFIG) is None
    )
