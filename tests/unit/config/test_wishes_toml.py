import tomllib

from planner.config.plan_config import load_settings
from planner.config.wishes_config import BallRegion, BoxRegion, LockedNeedle, WishedTarget, WishesConfig
from planner.config.wishes_toml import wishes_text

ALL = WishesConfig(
    targets=(
        WishedTarget(point_lps=(0.1 + 0.2, -7.0, 1e-7), radius_mm=3.25),
        WishedTarget(point_lps=(1.0, 2.0, 3.0), implant_id="screw-2"),
    ),
    keep_out=(
        BallRegion(centre_lps=(-31.7, 12.125, 88.0), radius_mm=9.0),
        BoxRegion(low_lps=(-5.0, -4.0, -3.0), high_lps=(5.0, 4.0, 3.0)),
    ),
    enter_through=(BallRegion(centre_lps=(60.0, 90.0, 88.0), radius_mm=25.0),),
    locked=(
        LockedNeedle(entry_lps=(40.0, 120.0, 5.0), target_lps=(10.0, 1 / 3, 4.0), needle="13G"),
        LockedNeedle(entry_lps=(40.0, 120.0, 5.0), target_lps=(11.0, 1 / 3, 4.0), made="automatic"),
    ),
)


def read_back(wishes, folder):
    file = folder / "wishes.toml"
    file.write_text(wishes_text(wishes), encoding="utf-8")
    return load_settings(file)


def test_wishes_are_read_back_to_the_last_digit(tmp_path):
    assert read_back(ALL, tmp_path).needles.wishes == ALL


def test_each_kind_of_wish_alone_is_read_back_without_the_others(tmp_path):
    for name in WishesConfig.model_fields:
        alone = WishesConfig(**{name: getattr(ALL, name)})
        assert read_back(alone, tmp_path).needles.wishes == alone
        assert list(tomllib.loads(wishes_text(alone))["needles"]["wishes"]) == [name]


def test_no_wishes_leave_all_settings_as_they_are(tmp_path):
    file = tmp_path / "empty.toml"
    file.write_text("")
    assert read_back(WishesConfig(), tmp_path) == load_settings(file)
