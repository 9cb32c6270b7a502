"""Tissues have names of their own, which their textures hang on."""

from planner.phantoms import tissues
from planner.phantoms.texture import texture_of
from planner.phantoms.tissues import Tissue

ALL = [t for t in vars(tissues).values() if isinstance(t, Tissue)]


def test_no_two_tissues_share_a_name() -> None:
    assert len({t.name for t in ALL}) == len(ALL)
    assert len(ALL) > 30


def test_a_tissue_is_read_by_its_hu_unless_it_says_otherwise() -> None:
    assert Tissue("steel", 55.0).material == "by HU"
    assert tissues.STEEL.material == "steel"


def test_textures_differ_by_name_and_seed() -> None:
    first, other = texture_of(tissues.CANCELLOUS, seed=1), texture_of(tissues.SCLEROTIC, seed=1)
    assert (first.phases == texture_of(tissues.CANCELLOUS, seed=1).phases).all()
    assert not (first.phases == other.phases).any()
    assert not (first.phases == texture_of(tissues.CANCELLOUS, seed=2).phases).any()
