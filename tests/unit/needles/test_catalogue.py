import pytest
from pydantic import ValidationError

from planner.config.catalogue_config import CatalogueEntry
from planner.config.needle_config import NeedleConfig
from planner.errors import UsageError
from planner.needles.catalogue import catalogue_of, needle_named, needles_named, that_reaches


@pytest.mark.parametrize(("name", "meant"), [("15", "15G"), ("3.2", "hip 3.2"), ("15 gauge", "15G"), ("11g", "11G")])
def test_a_name_that_is_nearly_right_gets_a_hint(name: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean {meant}"):
        needle_named(name)


def test_a_wrong_size_gets_no_hint() -> None:
    with pytest.raises(UsageError, match=r"no needle '22G' in the catalogue; known:"):
        needle_named("22G")


def test_a_gauge_has_all_its_lengths_and_a_name_is_one() -> None:
    assert [needle.length_mm for needle in needles_named("13G")] == [100.0, 150.0]
    assert [needle.length_mm for needle in needles_named("13G x 100")] == [100.0]
    assert needle_named("13G").length_mm == 150.0 and needle_named("hip 3.2").outer_diameter_mm == 3.2


def test_ones_own_needles_stand_in_the_settings() -> None:
    own = NeedleConfig(catalogue=(CatalogueEntry(name="ours", outer_diameter_mm=2.0, length_mm=120.0),))
    assert needle_named("ours", catalogue=catalogue_of(own.catalogue)).gauge == "ours"
    with pytest.raises(UsageError, match="15G"):
        needle_named("15G", catalogue=catalogue_of(own.catalogue))


def test_two_needles_of_one_name_are_refused() -> None:
    entry = CatalogueEntry(name="ours", outer_diameter_mm=2.0, length_mm=120.0)
    with pytest.raises(ValidationError, match="stands twice"):
        NeedleConfig(catalogue=(entry, entry))


@pytest.mark.parametrize(
    ("depth", "length"), [(60.0, 100.0), (95.0, 100.0), (95.1, 150.0), (149.0, 150.0), (None, 150.0)]
)
def test_the_length_that_reaches(depth: float | None, length: float) -> None:
    assert that_reaches(needles_named("13G"), depth, spare_mm=5.0).length_mm == length
