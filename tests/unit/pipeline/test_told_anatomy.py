"""Labels' levels reach all that is judged and measured; a labelled canal without walls does not count as known."""

from dataclasses import replace

import numpy as np

from planner.config.plan_config import PlanConfig
from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.implant import Implant, ImplantAxis
from planner.model.labels import LabelMap, Structure
from planner.model.scan import Scan
from planner.model.volume import Mask, Volume
from planner.pipeline.candidacy import heights_of
from planner.pipeline.scripted import scan_of
from planner.pipeline.told_anatomy import AnatomyScope, ToldAnatomy, tell_anatomy
from planner.progress import SILENT
from planner.segment.anatomy.skeleton import Skeleton
from planner.segment.anatomy.survey import Survey
from planner.segment.candidacy.fractures import fracture_findings, fracture_risk_factors
from tests.unit.segment.candidacy.spine_blocks import SpineBlocks

CONFIG = PlanConfig()
EDGE = 2.0
SHAPE = (50, 60, 60)
GRID = Grid(SHAPE, np.array([[0, 0, EDGE, -60], [0, EDGE, 0, -60], [EDGE, 0, 0, 0], [0, 0, 0, 1]]))
Z, Y, X = np.indices(SHAPE)
TUBE = np.hypot(X - 30, Y - 36) * EDGE <= 8.0


def _screw() -> Implant:
    head, tip = (-18.0, 30.0, 50.0), (-18.0, -10.0, 50.0)
    return Implant(
        id="screw-1", kind="pedicle_screw", volume_ml=1, centroid_lps=(-18.0, 10.0, 50.0),
        axis=ImplantAxis(head_lps=head, tip_lps=tip, diameter_mm=6, core_diameter_mm=4, length_mm=40), bulls_eye=None,
        side="right", level=None, material="titanium", loosening=None,
    )  # fmt: skip


def _told(*, is_walled: bool, labelled: bool = True, scope: AnatomyScope = "plan") -> ToldAnatomy:
    """A patient whose scan shows no vertebrae; the label's tube has a bony ring about it, or none."""
    hu = np.where(np.hypot(X - 30, Y - 32) < 26, 40, -1000)
    metal = (np.abs(X - 21) < 2) & (np.abs(Z - 25) < 2) & (Y > 24) & (Y < 46)
    if is_walled:
        hu[(np.hypot(X - 30, Y - 36) * EDGE < 12.0) & ~TUBE & (Y < 38)] = 500
    hu[metal] = 3000
    scan: Scan = scan_of(Volume(GRID, hu.astype(np.int16)))
    canal = Structure(code=1, kind="canal", id="canal")
    labels = AnatomyLabels(LabelMap(GRID, TUBE.astype(np.uint8), (canal,)), "a kind of file", "mine.nii.gz")
    return tell_anatomy(
        scan,
        Mask(GRID, metal),
        (_screw(),),
        CONFIG.anatomy,
        labels=labels if labelled else None,
        scope=scope,
        monitor=SILENT,
    )


def _codes(told: ToldAnatomy) -> set[str]:
    return {finding.code for finding in told.findings}


def test_a_labelled_canal_with_walls_is_taken_where_none_was_found(monkeypatch) -> None:
    monkeypatch.setattr("planner.segment.anatomy.survey.find_canal", lambda *_, **__: None)
    told = _told(is_walled=True)
    assert told.survey.canal is not None and told.survey.canal_mask is not None
    assert not _codes(told) & {"canal-not-found", "label-canal-refused"}
    assert "canal-not-found" in _codes(_told(is_walled=True, labelled=False))


def test_a_labelled_canal_without_walls_is_kept_out_of_and_not_taken_for_known() -> None:
    told = _told(is_walled=False)
    assert told.survey.canal is None and told.survey.canal_mask is None
    assert {"canal-not-found", "label-canal-refused"} <= _codes(told)
    (said,) = (finding for finding in told.findings if finding.code == "label-canal-refused")
    assert said.severity == "warning" and said.measured == 0.0 and said.limit == CONFIG.anatomy.canal.least_closed
    grid = told.survey.grid
    middle = np.rint(grid.to_index(points_lps([[0.0, 12.0, z] for z in (40.0, 50.0, 60.0)]))).astype(int)
    assert told.survey.forbidden.voxels[tuple(middle.T)].all()


def test_for_gaps_alone_bone_is_the_same_and_cortex_and_foramina_are_not_told() -> None:
    whole, gaps = (_told(is_walled=True, scope=scope) for scope in ("plan", "gaps"))
    assert np.array_equal(whole.survey.bone.voxels, gaps.survey.bone.voxels)
    assert whole.skeleton.cortex is not None and gaps.skeleton.cortex is None
    assert gaps.foramina is None and gaps.skeleton.pedicles == ()


def _of_blocks(monkeypatch, *, names: tuple[str, ...]) -> ToldAnatomy:
    """Three bodies, the middle one broken, found without levels; labels name them."""
    made = SpineBlocks([(25.0, 25.0), (15.0, 25.0), (25.0, 25.0)])
    bare = replace(made.spine, bones=tuple(replace(bone, level=None) for bone in made.spine.bones))
    monkeypatch.setattr("planner.pipeline.told_anatomy.find_skeleton", lambda *_, **__: Skeleton(spine=bare))
    monkeypatch.setattr("planner.pipeline.told_anatomy.survey", lambda *_, **__: _survey_on(made))
    monkeypatch.setattr("planner.pipeline.told_anatomy.check_orientation", lambda **_: ())
    structures = tuple(Structure(code=n, kind="bone", id=f"vertebra {name}") for n, name in enumerate(names, 1))
    codes = np.where(made.labels <= len(names), made.labels, 0).astype(np.uint8)
    labels = AnatomyLabels(LabelMap(made.grid, codes, structures), "a kind of file", "mine.nii.gz")
    return tell_anatomy(
        scan_of(made.volume()), made.empty(), (_screw(),), CONFIG.anatomy, labels=labels, monitor=SILENT
    )


def _survey_on(made: SpineBlocks) -> Survey:
    nothing = made.empty()
    return Survey(
        ct=made.volume(), measured=nothing, metal=nothing, patient=None, body=None,  # type: ignore[arg-type]
        bone=Mask(made.grid, made.labels > 0), envelope=Mask(made.grid, made.labels > 0), canal=None,
        canal_mask=None, forbidden=nothing, zones=(), hips=(), findings=(),
    )  # fmt: skip


def test_levels_from_labels_reach_fractures_and_their_risk_factors(monkeypatch) -> None:
    told = _of_blocks(monkeypatch, names=("T12", "L1", "L2"))
    assert told.skeleton.spine is not None
    assert [bone.level for bone in told.skeleton.spine.bones] == ["T12", "L1", "L2"]
    assert [bone.name for bone in told.skeleton.spine.bones] == ["vertebra-1", "vertebra-2", "vertebra-3"]
    heights = heights_of(told, CONFIG)
    (said,) = fracture_findings(heights)
    assert said.message.startswith("L1 has lost")
    (risk,) = fracture_risk_factors(heights)
    assert risk.level == "L1"


def test_a_vertebra_that_labels_do_not_name_stays_without_level(monkeypatch) -> None:
    told = _of_blocks(monkeypatch, names=("T12",))
    assert [bone.level for bone in told.bones] == ["T12", None, None]
    (said,) = fracture_findings(heights_of(told, CONFIG))
    assert said.message.startswith("vertebra-2 has lost")
