"""What the steps of a run made, and from what, so that the next run on the same CT does only those whose input changed.

Which settings each step reads is told here and nowhere else (`READS`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from planner.config.plan_config import PlanConfig

Step = Literal[
    "survey",
    "gaps",
    "anatomy",
    "breaches",
    "distances",
    "searches",
    "needles",
    "prophylaxis",
    "picked targets",
    "labels",
    "anatomy record",
    "unwrapped",
    "standing views",
    "flow",
]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Reads:
    """The settings that a step reads.

    Parameters
    ----------
    of : tuple of str
        Sections and single settings of `PlanConfig`.
    but : tuple of str
        What of them it does not read: a section, a part of it and a setting, with dots between.
    """

    of: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def told(self, config: PlanConfig) -> dict[str, Any]:
        """Give the settings' values.

        Parameters
        ----------
        config : PlanConfig
            All settings.

        Returns
        -------
        dict
            Section by section, as plain values.
        """
        values = config.model_dump(include=set(self.of))
        for path in self.but:
            *way, last = path.split(".")
            part = values
            for name in way:
                part = part[name]
            del part[last]
        return values


_TARGETS, _LOCKED = "needles.wishes.targets", "needles.wishes.locked"
READS: Mapping[Step, Reads] = {
    "survey": Reads(
        (
            "implants", "shafts", "hips", "hardware", "anatomy", "faults", "trust", "halos", "hip_gaps",
            "spine_targets", "prophylaxis",
        )
    ),
    "gaps": Reads(
        ("anatomy", "faults", "halos", "hip_gaps", "hip_candidacy", "spine_targets", "spine_pockets", "prophylaxis")
    ),
    "anatomy": Reads(("anatomy",)),
    "breaches": Reads(("breaches", "watch", "fluoroscopy", "visibility")),
    "distances": Reads(("needles",), (_TARGETS, _LOCKED)),
    "searches": Reads(("needles",), (_TARGETS, _LOCKED)),
    "needles": Reads(("needles",), (_TARGETS,)),
    "prophylaxis": Reads(("needles", "prophylaxis"), (_TARGETS, _LOCKED)),
    "picked targets": Reads(("needles",), (_LOCKED,)),
    "labels": Reads(),
    "anatomy record": Reads(("spine_targets",)),
    "unwrapped": Reads(("halos",)),
    "standing views": Reads(("fluoroscopy", "visibility")),
    "flow": Reads(("flow", "needles", "needle_holes"), (_TARGETS, _LOCKED)),
}  # fmt: skip
"""What decides which CT is loaded (`series_instance_uid`, `assume_hu`) is read before any step. The treatment position
is an input of the steps that ask for it, for without one the implants say it."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What one step made.

    Parameters
    ----------
    settings : dict
        As `Reads.told` gives them.
    inputs : tuple
        Results of other steps and what came from outside.
    result : object
        What was made.
    """

    settings: dict[str, Any]
    inputs: tuple[object, ...]
    result: object

    def is_of(self, settings: dict[str, Any], inputs: tuple[object, ...]) -> bool:
        """Say whether it was made from these settings, and from these very inputs (words by their letters)."""
        return settings == self.settings and all(
            own is given or (isinstance(own, str) and own == given)
            for own, given in zip(self.inputs, inputs, strict=True)
        )


@dataclass(frozen=True, slots=True, eq=False)
class KeptSteps:
    """The steps of one run.

    Parameters
    ----------
    config : PlanConfig
        The run's settings.
    before : KeptSteps or None
        Those of an earlier run on the same CT; None for none.
    done : dict of Step to Kept
        What this run made, or took over, step by step.
    keeps : bool
        Whether what is made is kept for a next run. Without, each step's result is let go with its last user: distances
        alone take 460 MB of a hip.
    """

    config: PlanConfig
    before: "KeptSteps | None" = None
    done: dict[Step, Kept] = field(default_factory=dict)
    keeps: bool = True

    def step(self, name: Step, inputs: tuple[object, ...], make: Callable[[], Result]) -> Result:
        """Do a step, or take what the earlier run made of the same settings and inputs.

        Parameters
        ----------
        name : Step
            The step.
        inputs : tuple
            All that it is made from besides settings.
        make : callable
            Does it.

        Returns
        -------
        object
            What `make` gives.
        """
        if not self.keeps:
            return make()
        settings = READS[name].told(self.config)
        known = None if self.before is None else self.before.done.get(name)
        if known is None or not known.is_of(settings, inputs):
            known = Kept(settings, inputs, make())
        self.done[name] = known
        return cast(Result, known.result)

    def closed(self) -> "KeptSteps":
        """Give the steps without those of the run before, which are let go."""
        return KeptSteps(self.config, None, self.done)
