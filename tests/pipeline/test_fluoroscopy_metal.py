"""Metal in a picture of a CT that clips it, against the implants' true bodies."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.beam import make_beam, transmission
from planner.fluoro.carm import pixel_lps, pose
from planner.fluoro.views import view_at
from planner.model.volume import Volume
from planner.phantoms import design, make
from planner.pipeline import render_view

CONFIG = FluoroConfig(rows=36, columns=36, pixel_mm=4.2)
CLIPPED_AT = 3071
STEP_MM = 0.25
PATIENT_MM = 150.0


def true_chords_mm(solids, carm):
    """How far the ray to each pixel runs within the bodies, by small steps near the isocentre."""
    source = pose(carm).source_lps
    pixels = np.stack(np.meshgrid(np.arange(carm.rows), np.arange(carm.columns), indexing="ij"), axis=-1)
    run = pixel_lps(carm, pixels) - source
    along = run / np.linalg.norm(run, axis=-1, keepdims=True)
    steps = np.arange(carm.source_isocentre_mm - 130.0, carm.source_isocentre_mm + 130.0, STEP_MM)
    chords = np.zeros((carm.rows, carm.columns))
    for row, towards in enumerate(along):
        points = source + towards[:, None, :] * steps[:, None]
        inside = np.zeros(points.shape[:2], dtype=bool)
        for solid in solids:
            low, high = solid.bounds_lps
            near = np.all((points > low) & (points < high), axis=-1)
            inside[near] |= solid.distance_mm(points[near]) < 0.0
        chords[row] = inside.sum(axis=1) * STEP_MM
    return chords


@pytest.mark.parametrize(
    ("kind", "implant", "material"), [("lumbar", "l4-left", "titanium"), ("hip", "head", "cobalt_chrome")]
)
def test_metal_is_as_dark_as_its_true_body_is(kind, implant, material):
    made = make(kind, settings=design(kind).ideal)
    volume = Volume(made.volume.grid, np.minimum(made.volume.hu, CLIPPED_AT).astype(np.int16))
    body = next(i.solid for i in made.truth.implants if i.id == implant)
    low, high = body.bounds_lps
    beam = make_beam(CONFIG)
    for primary, secondary in ((90.0, 0.0), (35.0, 20.0)):
        carm = view_at((np.array(low) + high) / 2, primary_deg=primary, secondary_deg=secondary, config=CONFIG)
        taken = render_view(volume, carm, config=CONFIG).shadows.metal_mm
        true = true_chords_mm([i.solid for i in made.truth.implants], carm)
        deep = true > 3.0
        assert np.count_nonzero(deep) > 100
        water = np.full(np.count_nonzero(deep), PATIENT_MM, dtype=np.float32)
        # Of the rays that metal darkens: how much darker than tissue alone, as the beam has it.
        contrast, wanted = (
            np.mean(-np.log(transmission({"water": water, material: length.astype(np.float32)}, beam)))
            + np.mean(np.log(transmission({"water": water}, beam)))
            for length in (taken[deep], true[deep])
        )
        assert contrast == pytest.approx(wanted, rel=0.1)
