"""Patients of the spine phantoms: drawn from the population, refused where they make no sense."""

import numpy as np
import pytest
from pydantic import ValidationError

from planner.config.phantoms.spine.altered import (
    BoneIsland,
    CollapsedFracture,
    DiscGas,
    FusionMass,
    JunctionalFracture,
    Laminectomy,
)
from planner.config.phantoms.spine.morphometry import LEVELS, VertebraFigures, mean_figures
from planner.config.phantoms.spine.patient import Scoliosis, SpinePatient, draw_patient


def test_published_anchors_come_out_as_they_went_in() -> None:
    assert mean_figures("T4").pedicle_left_mm == 4.5  # Kaur 2016
    assert mean_figures("T12").pedicle_left_mm == 8.3
    assert mean_figures("T9").pedicle_height_mm == 12.2  # Hou 1993
    assert mean_figures("L5").back_height_mm == 25.5  # Cook 2021
    wedge = [mean_figures(x).front_height_mm < mean_figures(x).back_height_mm for x in ("T9", "L1", "L3", "L5")]
    assert wedge == [True, True, False, False]


def test_levels_between_anchors_lie_between_them() -> None:
    for above, between, below in (("T5", "T7", "T9"), ("L2", "L3", "L5")):
        widths = [mean_figures(x).pedicle_left_mm for x in (above, between, below)]  # type: ignore[arg-type]
        assert widths == sorted(widths)


def test_sacrum_has_no_figures_of_a_vertebra() -> None:
    with pytest.raises(ValueError, match="sacrum"):
        mean_figures("S1")


def test_plain_patient_has_nothing_optional() -> None:
    for region, levels in (("lumbar", ("L2", "L3", "L4", "L5", "S1")), ("thoracic", tuple(LEVELS[4:11]))):
        patient = SpinePatient(region=region)  # type: ignore[arg-type]
        assert patient.levels == levels
        assert (patient.altered, patient.decoys, patient.scoliosis, patient.figures) == ((), (), None, ())
        assert len(patient.lordosis_deg) == len(levels) - 1
        assert hash(patient) == hash(SpinePatient(region=region))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"levels": ("L4", "L2")}, "neighbours from the top down"),
        ({"levels": ("L3", "L5")}, "neighbours from the top down"),
        ({"levels": ("T1", "T2", "T3")}, "from T3 to S1"),
        ({"levels": ("L4",)}, "at least two levels"),
        ({"segments_deg": (1.0,)}, "segments_deg must have 4 values"),
        ({"turns_deg": (1.0,)}, "turns_deg must have 5 values"),
        ({"altered": (Laminectomy(levels=("T9",)),)}, "laminectomy names T9"),
        ({"altered": (Laminectomy(levels=("S1",)),)}, "laminectomy names S1"),
        ({"decoys": (BoneIsland(level="T4"),)}, "bone_island names T4"),
        ({"scoliosis": Scoliosis(cobb_deg=20.0, apex="T8", convex="left")}, "scoliosis names T8"),
        ({"figures": (mean_figures("T8"),)}, "figures names T8"),
        ({"altered": (CollapsedFracture(level="L3"), JunctionalFracture(level="L3"))}, "can collapse once only"),
        ({"region": "thoracic", "decoys": (DiscGas(level="T11"),)}, "no vertebra below it is shown"),
        ({"size": 3.0}, "less than or equal to 1.3"),
        ({"kyphosis": 40.0}, "Extra inputs"),
    ],
)
def test_patient_that_makes_no_sense_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SpinePatient(**settings)  # type: ignore[arg-type]


def test_fusion_may_reach_the_sacrum() -> None:
    assert SpinePatient(altered=(FusionMass(levels=("L4", "L5", "S1")),)).altered[0].kind == "fusion_mass"


def test_fusion_bridges_neighbours_only() -> None:
    with pytest.raises(ValidationError, match="bridges neighbours"):
        FusionMass(levels=("L3", "L5"))


def test_figures_of_prefers_the_patients_own() -> None:
    own = VertebraFigures(**{**mean_figures("L4").model_dump(), "pedicle_left_mm": 9.0})
    patient = SpinePatient(figures=(own,))
    assert patient.figures_of("L4").pedicle_left_mm == 9.0
    assert patient.figures_of("L3") == mean_figures("L3")


@pytest.mark.parametrize("region", ["lumbar", "thoracic"])
def test_same_seed_same_patient(region: str) -> None:
    first, again, other = (draw_patient(region, seed=s) for s in (4, 4, 5))  # type: ignore[arg-type]
    assert first == again
    assert first != other
    assert first.scoliosis is None
    assert draw_patient(region, seed=4, deformed=True).scoliosis is not None  # type: ignore[arg-type]
    assert draw_patient(region, seed=4, decoys=False).decoys == ()  # type: ignore[arg-type]
    assert SpinePatient.model_validate_json(first.model_dump_json()) == first


def test_population_keeps_to_the_published_means() -> None:
    patients = [draw_patient("lumbar", seed=s) for s in range(200)]
    widths = np.array([p.figures_of("L4").pedicle_left_mm for p in patients])
    mean = mean_figures("L4").pedicle_left_mm
    assert widths.mean() == pytest.approx(mean, rel=0.04)
    assert widths.std() == pytest.approx(0.12 * mean, rel=0.35)
    hu = np.array([p.cancellous_hu for p in patients])
    age = np.array([p.age_years for p in patients])
    assert 60.0 < hu.mean() < 140.0
    assert np.corrcoef(age, hu)[0, 1] < -0.2
    assert all(p.figures_of("L4").pedicle_left_mm != p.figures_of("L4").pedicle_right_mm for p in patients)
