"""What the panel says of a plan, in words: not measured is said so."""

from napari_cement.widgets.panel.plan_words import (
    breach_words,
    gap_ml,
    implant_words,
    loosening_brief,
    needle_words,
    reached_ml,
    volume_words,
    width_brief,
    with_ranks,
)
from napari_cement.widgets.panel.told import breach_told, gap_told, implant_told


def test_names_tell_apart_what_stands_beside_each_other(plan):
    implant = plan.implants[0].model_copy(update={"id": "cup-left", "kind": "acetabular_cup", "level": None})
    assert implant_words(implant) == "cup-left: cup"
    assert implant_words(plan.implants[0]) == "screw-1 L4 left: pedicle screw"
    hip = plan.trajectories[0].model_copy(update={"approach": "femoral", "family": "trochanteric"})
    assert needle_words(hip) == "1: 49 mm, trochanteric"
    assert needle_words(hip.model_copy(update={"family": None})) == "1: 49 mm, femoral"


def test_an_id_is_told_with_its_row(plan):
    other = plan.trajectories[0].model_copy(update={"id": "trajectory-12", "rank": 3})
    plan = plan.model_copy(update={"trajectories": (other, plan.trajectories[1])})
    assert with_ranks(plan, "trajectory-12 and trajectory-1: too near") == (
        "trajectory-12 (needle 3 of gap-1) and trajectory-1: too near"
    )
    assert with_ranks(plan, "trajectory-2: stop", briefly=True) == "needle 2: stop"
    bare = plan.model_copy(update={"trajectories": ()})
    assert with_ranks(bare, "trajectory-2: stop") == "trajectory-2: stop"


def test_not_measured_is_said_so(plan):
    gap = plan.gaps[0].model_copy(update={"volume_ml": None, "width_mm": None})
    figures = dict(gap_told(gap, "").figures)
    assert figures["volume"] == "volume not measured" and figures["width"] == "not measured"
    assert figures["cement likely to stay in it"] == "not simulated" and "leaks" not in figures
    assert (gap_ml(gap), width_brief(gap)) == ("not measured", "width not measured")
    figures = dict(gap_told(plan.gaps[0], "no leak").figures)
    assert (figures["volume"], figures["trust"]) == ("1.25 mL (0.90–1.60)", "not measured")
    assert (figures["width"], figures["leaks"]) == ("1.4 mm, at most 2.3 mm", "no leak")
    assert volume_words(None) == "volume not measured"
    for grade, words, brief in (
        (None, "not measured", "not measured"),
        ("none", "no sign of it", "no sign"),
        ("definite", "definite", "definitely loose"),
    ):
        implant = plan.implants[0].model_copy(update={"loosening": grade})
        assert loosening_brief(implant) == brief
        assert dict(implant_told(implant).figures)["loosening"] == words
    thin = dict(breach_told(plan.breaches[0]).figures)
    assert thin["wall"] == "thin, 0.6\u202fmm of bone left" and thin["cement"] == "not simulated"
    assert (thin["watch at the console"], thin["in the patient"]) == ("not told", "LAO 20 CAUD 10")
    breach = plan.breaches[0].model_copy(
        update={
            "leak_type": None, "area_mm2": None, "watch_view": None, "leak_after_ml": 1.5, "severity": "open",
            "reached": True, "trust": 0.3,
        }
    )  # fmt: skip
    assert breach_words(breach) == "breach-1: leak not told"
    told = breach_told(breach)
    assert told.cautions == ("its wall can hardly be read beside metal: doubtful",)
    assert told.in_words.endswith(
        "area: not measured\ncement: leaks after 1.5\u202fmL\nwatch: no view shows it\nreadable to: 30\u202f%"
    )
    never = breach.model_copy(update={"reached": False, "leak_after_ml": None, "trust": None})
    assert dict(breach_told(never).figures)["cement"] == "never reached" == reached_ml(never)
    assert breach_told(never).cautions == ()
    held = breach.model_copy(update={"severity": "thin", "trust": 0.999})
    assert "cement lies against it after 1.5" in breach_told(held).in_words
    assert "readable to: 99" in breach_told(held).in_words
    assert (reached_ml(breach), reached_ml(held)) == ("leaks after 1.5", "there after 1.5")
    assert reached_ml(breach.model_copy(update={"leak_after_ml": 0.05})) == "leaks at once"
    assert dict(breach_told(plan.breaches[0], 0.04).figures)["watch at the console"] == "not told from the start on"
