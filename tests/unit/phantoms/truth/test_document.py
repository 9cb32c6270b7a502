"""Truths that are read back from files."""

import json
from pathlib import Path

import pytest

from planner.errors import InputError
from planner.phantoms.truth.document import read_truth

_LEAST = {
    "implants": [{"id": "a", "kind": "rod", "t0_mm": 3}],
    "gaps": [{"id": "g", "implant_id": "a", "kind": "screw_halo", "label": 1, "volume_ml": 1.5, "centroid": [1, 2, 3]}],
    "breaches": [{"id": "b", "gap_id": "g", "label": 1, "centroid": [1, 2, 3]}],
    "structures": {"canal": {"points": [[0, 0, 0], [0, 0, 9]], "radius_mm": 6}},
    "voxel_mm": [1, 0.5, 0.5],
}


def _write(folder: Path, text: str) -> Path:
    (folder / "truth.json").write_text(text)
    return folder


def test_a_case_that_knows_less_is_read_and_what_it_lacks_is_none(tmp_path: Path) -> None:
    truth = read_truth(_write(tmp_path, json.dumps(_LEAST)))
    gap, breach = truth.gaps[0], truth.breaches[0]
    assert (gap.volume_ml, gap.volume_sd_ml, gap.widths_mm, gap.interface_fraction) == (1.5, None, None, None)
    assert (breach.severity, breach.barrier_mm, breach.compartment) == (None, None, None)
    assert truth.implants[0].loose is None
    assert truth.structures.canal is not None
    assert truth.structures.forbidden == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gaps": [{**_LEAST["gaps"][0], "volume_ml": -1}]}, "gaps.0.volume_ml"),
        ({"gaps": [{**_LEAST["gaps"][0], "label": 0}]}, "gaps.0.label"),
        ({"implants": [{"id": "a", "kind": "spoon"}]}, "implants.0.kind"),
        ({"breaches": None}, "breaches"),
    ],
)
def test_what_is_no_truth_is_refused_in_one_line(tmp_path: Path, change: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        read_truth(_write(tmp_path, json.dumps({**_LEAST, **change})))
    assert "\n" not in str(refused.value)


def test_no_file_and_no_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_truth(tmp_path)
    with pytest.raises(InputError, match="no truth of a case"):
        read_truth(_write(tmp_path, "{"))


def test_the_given_case_is_read(shared_dir: Path) -> None:
    truth = read_truth(shared_dir / "cases" / "thoracic_loose_screws")
    assert len(truth.gaps) == 3
    assert sum(bool(i.loose) for i in truth.implants) == 3
