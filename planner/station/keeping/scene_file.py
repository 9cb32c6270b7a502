"""``station.json``: how a plan was looked at and what was wished of it, so that its folder opens as it was left."""

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import WishesConfig
from planner.errors import InputError
from planner.io.plan_json import write_json
from planner.model.plan import Plan
from planner.model.record import PointLps, Record
from planner.needles.catalogue import catalogue_of
from planner.station.choice import ThingKind

SCENE_FILE: Final = "station.json"
SCHEMA: Final = "cement-planner/station/1"


class ChosenThing(Record):
    """The thing of the plan that was chosen."""

    kind: ThingKind
    id: str


class DrawnNeedle(Record):
    """A needle of one's own that was being picked; it need not have both ends yet."""

    points_lps: tuple[PointLps, ...] = Field(max_length=2)
    """Entry, then tip."""
    gauge: str | None
    """A name of the needle catalogue; None where none was chosen."""


class CanvasView(Record):
    """How napari's canvas looked at the patient."""

    view: Literal["axial", "coronal", "sagittal", "3d"]
    centre_lps: PointLps
    """In the canvas' middle, LPS mm."""
    across_mm: float = Field(gt=0.0)
    """What the canvas' shorter side showed, mm: a window of another size shows as much."""
    sight_lps: PointLps | None = None
    """Direction of sight, in LPS, of 3D; None else."""
    up_lps: PointLps | None = None
    """What was up, in LPS, of 3D; None else."""


class Scene(Record):
    """What a station shows beside the plan itself. No patient data, and no path: a plan's folder is passed on."""

    schema_: Literal["cement-planner/station/1"] = Field(default=SCHEMA, alias="schema")
    settings: dict[str, Any] | None = None
    """All settings that the plan was made with, the wishes of then among them; None where they are not known."""
    wishes: WishesConfig = Field(default_factory=WishesConfig)
    """As they stood when the plan was saved: perhaps changed since it was made."""
    own_needle: DrawnNeedle | None = None
    gaps_edited: bool = False
    """Whether the plan's gaps are as a person gave them; they lie in ``labels.nii.gz``."""
    hidden: tuple[str, ...] = ()
    """Ids of what was hidden."""
    chosen: ChosenThing | None = None
    cursor_lps: PointLps | None = None
    window_hu: tuple[float, float] | None = None
    """Lower and upper limit of the CT's window."""
    canvas: CanvasView | None = None
    """None where there was no canvas to look at, and in older files."""

    def config(self) -> PlanConfig | None:
        """Give the settings that the plan was made with.

        Returns
        -------
        PlanConfig or None
            None where they are not known, or another version of this program wrote some that this one does not take.
        """
        if self.settings is None:
            return None
        try:
            return PlanConfig.model_validate(self.settings)
        except ValidationError:
            return None

    def fitting(self, plan: Plan) -> "Scene":
        """Leave out what is not in a plan: ids of things that it does not hold, needles that its catalogue has not.

        Parameters
        ----------
        plan : Plan
            The plan.

        Returns
        -------
        Scene
        """
        known = _ids_of(plan)
        gone = self.chosen is not None and not _is_there(self.chosen, plan, known)
        needle = self.own_needle
        if needle is not None and needle.gauge is not None:
            config = self.config() or PlanConfig()
            if needle.gauge not in catalogue_of(config.needles.catalogue):
                needle = needle.model_copy(update={"gauge": None})
        return self.model_copy(
            update={
                "hidden": tuple(one for one in self.hidden if one in known),
                "chosen": None if gone else self.chosen,
                "own_needle": needle,
            }
        )


def save_scene(scene: Scene, folder: Path) -> None:
    """Write a scene into a plan's folder.

    Parameters
    ----------
    scene : Scene
        The scene.
    folder : Path
        The plan's folder; it exists.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_json(scene.model_dump(mode="json", by_alias=True), folder / SCENE_FILE)


def load_scene(folder: Path) -> Scene | None:
    """Read the scene of a plan's folder.

    Parameters
    ----------
    folder : Path
        The plan's folder.

    Returns
    -------
    Scene or None
        None where no station wrote one: the command line does not.

    Raises
    ------
    InputError
        If it cannot be read or is none of this schema.
    """
    file = folder / SCENE_FILE
    if not file.is_file():
        return None
    try:
        return Scene.model_validate_json(file.read_bytes())
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise InputError(f"{SCENE_FILE} of {folder.name} cannot be read: {reason}") from error
    except ValidationError as error:
        raise InputError(f"{SCENE_FILE} of {folder.name} is damaged, or of another version of this program") from error


def _ids_of(plan: Plan) -> frozenset[str]:
    ids = [
        [one.id for one in group] for group in (plan.implants, plan.gaps, plan.breaches, plan.ways, plan.picked_targets)
    ]
    levels = [one.id for one in plan.prophylactic_targets]
    return frozenset((*(one for group in ids for one in group), *levels, *(one.id for one in plan.labels)))


def _is_there(chosen: ChosenThing, plan: Plan, known: frozenset[str]) -> bool:
    if chosen.kind == "finding":
        return chosen.id.isdigit() and int(chosen.id) < len(plan.findings)
    if chosen.kind == "hole":
        return chosen.id in {hole.trajectory_id for hole in plan.needle_holes} | known
    return chosen.id in known
