"""The hardware of a spine phantom: screws, rods, cages, cement.

Screws: diameter 6 to 7.5 mm, mean core 3.65 to 5.10 mm, pitch 2 to 4 mm (six makes, Sci Rep 2022, doi
10.1038/s41598-022-11824-2, table 2). Subsided cages sink 4.7 mm in the mean, from 2.4 mm on (Rao 2017, J Spine Surg).
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from planner.config.phantoms.spine.defects import Halo, ScrewBreak, WallDefect, Width
from planner.config.phantoms.spine.morphometry import Level
from planner.config.settings import Settings
from planner.geometry.frames import PointTuple
from planner.model.implant import Side

Metal = Literal["titanium", "cobalt-chrome", "steel"]
Site = Literal["pedicle", "ala", "iliac", "s2ai"]


class Screw(Settings):
    """A polyaxial screw."""

    level: Level = Field(description="Whose coordinates its ends are in: its vertebra; S1 for sacral and iliac screws.")
    side: Side = Field(description="Side of the patient.")
    site: Site = Field(default="pedicle", description="Pedicle; sacral ala; ilium; S2 through ala and ilium.")
    head_mm: PointTuple = Field(
        description="Where shaft and tulip meet, in the vertebra's coordinates, x outwards to the screw's own side."
    )
    tip_mm: PointTuple = Field(description="The end of the metal, likewise.")
    diameter_mm: float = Field(default=6.5, ge=3.0, le=12.0, description="Over the thread.")
    core_mm: float = Field(default=4.5, ge=2.0, le=11.0, description="Under the thread, at the head.")
    tip_core_mm: float | None = Field(default=None, ge=1.5, le=11.0, description="At the tip, of a conical core.")
    thread: Literal["v", "buttress"] = Field(default="v", description="Form of the thread.")
    pitch_mm: float = Field(default=2.8, ge=1.0, le=6.0, description="Advance of the thread a turn.")
    cannula_mm: float | None = Field(default=None, gt=0.5, le=3.5, description="Bore along the axis; None: solid.")
    metal: Metal = Field(default="titanium", description="Of shaft and tulip.")
    halo: Halo | None = Field(default=None, description="None for a firm screw.")
    wall_defects: tuple[WallDefect, ...] = Field(default=(), description="Beside the halo.")
    broken: ScrewBreak | None = Field(default=None, description="None for a whole screw.")
    pulled_out_mm: float = Field(
        default=0.0, ge=0.0, le=25.0, description="It has backed out so far along its axis; its old hole is empty."
    )
    fat_at_mm: tuple[float, ...] = Field(
        default=(), description="Lobules of marrow fat touch the firm shaft so far from the head: a decoy."
    )
    cement_ml: float = Field(default=0.0, ge=0.0, le=6.0, description="Cement round the tip of an augmented screw.")

    @property
    def id(self) -> str:
        """Level and side, or site and side where it is no pedicle's."""
        place = {"pedicle": self.level.lower(), "ala": f"{self.level.lower()}-ala"}.get(self.site, self.site)
        return f"{place}-{self.side}"

    @property
    def length_mm(self) -> float:
        """From head to tip."""
        return float(sum((a - b) ** 2 for a, b in zip(self.head_mm, self.tip_mm, strict=True)) ** 0.5)

    @property
    def loose(self) -> bool:
        """Whether it has lost its hold."""
        return self.halo is not None or self.broken is not None or self.pulled_out_mm > 0.0

    @model_validator(mode="after")
    def _is_a_screw(self) -> Self:
        least = min(self.core_mm, self.tip_core_mm or self.core_mm)
        if max(self.core_mm, self.tip_core_mm or 0.0) >= self.diameter_mm:
            raise ValueError(f"screw {self.id}: the core ({self.core_mm} mm) must be thinner than the thread")
        if (self.diameter_mm - least) / 2.0 * 1.16 + 0.25 > self.pitch_mm:
            raise ValueError(f"screw {self.id}: a thread so deep does not fit a pitch of {self.pitch_mm} mm")
        if self.cannula_mm is not None and self.cannula_mm >= least - 1.0:
            raise ValueError(f"screw {self.id}: the bore ({self.cannula_mm} mm) leaves no wall in the core")
        if not 15.0 <= self.length_mm <= 130.0:
            raise ValueError(f"screw {self.id}: {self.length_mm:.1f} mm is no length of a screw (15 to 130 mm)")
        self._require_along()
        return self

    def _require_along(self) -> None:
        places = [("the halo begins", self.halo.start_mm)] if self.halo is not None else []
        if self.halo is not None and self.halo.kind == "wiper":
            places.append(("the pivot lies", self.halo.pivot_mm))
        if self.broken is not None:
            places.append(("the break lies", self.broken.at_mm + self.broken.apart_mm + 5.0))
        places += [("a wall defect lies", d.at_mm) for d in self.wall_defects]
        places += [("marrow fat lies", at) for at in self.fat_at_mm]
        for what, at in places:
            if not 0.0 < at < self.length_mm:
                raise ValueError(f"screw {self.id}: {what} beyond its ends (0 to {self.length_mm:.1f} mm)")
        if self.halo is None and self.wall_defects:
            raise ValueError(f"screw {self.id}: a wall defect needs a halo beside it")
        if self.loose and self.fat_at_mm:
            raise ValueError(f"screw {self.id}: marrow fat is a decoy of firm screws, and this one is loose")


class RodBreak(Settings):
    """A rod in two pieces."""

    share: float = Field(default=0.5, gt=0.05, lt=0.95, description="Where, as share of the way from its lower end.")
    apart_mm: float = Field(default=1.5, ge=0.3, le=20.0, description="Between the pieces.")
    offset_mm: float = Field(default=2.0, ge=0.0, le=15.0, description="Of the upper piece's end, to the back.")


class Rod(Settings):
    """A rod through the tulips of one side."""

    side: Side = Field(description="Side of the patient.")
    diameter_mm: float = Field(default=5.5, ge=3.0, le=8.0, description="5.5 and 6.0 mm are usual (no source).")
    metal: Metal = Field(default="titanium", description="What it is made of.")
    overhang_mm: float = Field(default=7.0, ge=2.0, le=60.0, description="Beyond the outermost tulips.")
    broken: RodBreak | None = Field(default=None, description="None for a whole rod.")
    out_of: tuple[Level, ...] = Field(default=(), description="Levels whose tulips it has slipped out of.")
    out_by_mm: float = Field(default=13.0, ge=10.0, le=30.0, description="How far behind its place in those tulips.")


class CrossLink(Settings):
    """A bar from rod to rod."""

    share: float = Field(default=0.5, gt=0.02, lt=0.98, description="Where, as share of the way from the lower ends.")
    diameter_mm: float = Field(default=4.5, ge=2.0, le=8.0, description="Of the bar (no source).")
    metal: Metal = Field(default="titanium", description="What it is made of.")


class Cage(Settings):
    """An interbody cage, sunk into an endplate or not."""

    upper: Level = Field(description="Vertebra above.")
    lower: Level = Field(description="Vertebra below.")
    material: Literal["titanium", "PEEK"] = Field(default="titanium", description="PEEK bears tantalum markers.")
    width_mm: float = Field(default=24.0, ge=6.0, le=60.0, description="From right to left.")
    depth_mm: float = Field(default=18.0, ge=6.0, le=40.0, description="From front to back.")
    right_mm: float = Field(default=0.0, ge=-20.0, le=20.0, description="Shift of its middle to the right.")
    front_mm: float = Field(default=2.0, ge=-15.0, le=15.0, description="Shift of its middle to the front.")
    yaw_deg: float = Field(default=0.0, ge=-90.0, le=90.0, description="Turn in the disc, front to the left positive.")
    wall_mm: float = Field(default=2.5, ge=0.8, le=6.0, description="Of the frame round the graft.")
    sunk_mm: float = Field(default=0.0, ge=0.0, le=15.0, description="Into the endplate of one neighbour.")
    sunk_into: Literal["upper", "lower"] = Field(default="lower", description="Into which neighbour.")
    interface_mm: Width | None = Field(default=None, description="Lucent space at that endplate; None: firm.")

    @property
    def id(self) -> str:
        """Named by the disc."""
        return f"cage-{self.upper.lower()}-{self.lower.lower()}"

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if 2.0 * self.wall_mm + 1.0 > min(self.width_mm, self.depth_mm):
            raise ValueError(f"{self.id}: a wall of {self.wall_mm} mm leaves no room for a graft")
        return self


class BoneCement(Settings):
    """Cement of an earlier vertebroplasty, a few lobes in one body."""

    level: Level = Field(description="Which vertebra.")
    centre_mm: PointTuple = Field(default=(0.0, -4.0, 0.0), description="Its middle, in the vertebra's coordinates.")
    volume_ml: float = Field(default=2.5, gt=0.1, le=8.0, description="About; the bone's shell cuts it.")
    opacifier: Literal["barium", "zirconia"] = Field(default="barium", description="What makes it bright.")
    seed: int = Field(default=1, ge=0, description="Of its lobes.")

    @property
    def id(self) -> str:
        """Named by the level."""
        return f"cement-{self.level.lower()}"
