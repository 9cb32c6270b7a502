"""The settings of a phantom's hip replacement: stem, cement, head, cup."""

from typing import Literal, Self

from pydantic import Field, model_validator

from planner.config.settings import Settings

MetalName = Literal["titanium", "cobalt-chrome", "steel"]
StemShape = Literal["tapered", "collared", "short", "cylindrical", "curved", "polished"]
Opacifier = Literal["barium sulphate", "zirconia"]
Plastic = Literal["polyethylene", "cement"]


class Mantle(Settings):
    """The cement round a stem, and what stops it below."""

    thickness_mm: float = Field(
        default=2.5,
        ge=1.0,
        le=6.0,
        description="Over the whole stem; 2-3 mm are recommended (Cristofolini, thin cement mantles in vitro).",
    )
    opacifier: Opacifier = Field(default="barium sulphate", description="What makes it show.")
    restrictor: Plastic | None = Field(default="polyethylene", description="Material of the plug below it; None: none.")
    below_tip_mm: float = Field(default=12.0, ge=3.0, le=40.0, description="Length of the cement below the tip.")
    thin_zones: tuple[int, ...] = Field(
        default=(), description="Gruen zones 1-3, 5-10, 12-14 in whose middle bone touches the stem: mantle defects."
    )
    cracked_at: float | None = Field(
        default=None, gt=0.1, lt=0.95, description="Share of the stem's length at which the mantle is broken through."
    )

    @model_validator(mode="after")
    def _zones_are_beside_the_stem(self) -> Self:
        wrong = [z for z in self.thin_zones if z not in range(1, 15) or z in (4, 11)]
        if wrong:
            raise ValueError(f"a mantle is thin in zones 1-3, 5-10 or 12-14, not in {wrong[0]}")
        return self


class BrokenStem(Settings):
    """A stem broken in two."""

    at_share: float = Field(default=0.5, gt=0.25, lt=0.85, description="Share of its length from the shoulder.")
    opened_mm: float = Field(default=1.0, gt=0.0, le=4.0, description="How far the pieces stand apart.")


class Stem(Settings):
    """A femoral stem."""

    shape: StemShape = Field(
        default="tapered",
        description="Tapered, the same with a collar, short; cylindrical, curved with the femur; polished taper.",
    )
    material: MetalName = Field(default="titanium", description="Alloy of the stem; the head has its own.")
    length_mm: float | None = Field(
        default=None, ge=70.0, le=220.0, description="Shoulder to tip; None for the shape's own."
    )
    girth: float | None = Field(
        default=None, ge=0.6, le=1.6, description="Thickness against the shape's own; None: as the canal allows."
    )
    varus_deg: float = Field(
        default=0.0, ge=-4.0, le=8.0, description="Tilt of the tip outwards; of the tip inwards: < 0."
    )
    perforates: bool = Field(default=False, description="The tip stands through the lateral wall of the femur.")
    mantle: Mantle | None = Field(default=None, description="Cement; None for a stem without.")
    broken: BrokenStem | None = Field(default=None, description="None for a whole one.")

    @model_validator(mode="after")
    def _cement_fits_the_shape(self) -> Self:
        if self.shape == "polished" and self.mantle is None:
            raise ValueError("a polished taper needs cement: give it a mantle")
        if self.shape in ("cylindrical", "curved") and self.mantle is not None:
            raise ValueError(f"a {self.shape} stem is held by bone: it takes no mantle")
        if self.perforates and self.mantle is not None:
            raise ValueError("a stem that perforates the femur is made without cement only")
        return self


class Head(Settings):
    """The ball on the stem's neck."""

    diameter_mm: float = Field(default=32.0, ge=22.0, le=40.0, description="28, 32 and 36 mm are common.")
    material: Literal["cobalt-chrome", "ceramic", "steel"] = Field(default="cobalt-chrome", description="Of the ball.")


class CupScrew(Settings):
    """A bone screw through the cup's dome."""

    tilt_deg: float = Field(default=28.0, ge=0.0, le=55.0, description="Angle from straight up, in the pelvis.")
    turn_deg: float = Field(
        default=125.0, ge=-180.0, le=180.0, description="Way of the tilt round the body: 0 outwards, 90 backwards."
    )
    length_mm: float | None = Field(
        default=None,
        ge=15.0,
        le=60.0,
        description="From the shell, even out of the bone. None: as far as it stays inside, 12 to 35; where there is "
        "no room as asked for it is turned aside, or left out.",
    )
    broken: bool = Field(default=False, description="In two, at a third of its length from the shell.")


_SCREWS = (CupScrew(tilt_deg=26.0, turn_deg=126.0),)


class Cup(Settings):
    """An acetabular cup."""

    fixation: Literal["press-fit", "cemented"] = Field(
        default="press-fit", description="A titanium shell with a liner, or polyethylene in cement."
    )
    diameter_mm: float = Field(default=54.0, ge=44.0, le=64.0, description="Outer.")
    inclination_deg: float = Field(
        default=42.0, ge=20.0, le=65.0, description="Radiographic (Murray 1993); 30-50 safe (PMC3779547)."
    )
    anteversion_deg: float = Field(default=16.0, ge=-10.0, le=40.0, description="Radiographic (Murray 1993).")
    screws: tuple[CupScrew, ...] = Field(default=_SCREWS, max_length=3, description="None of them in a cemented cup.")
    mantle_mm: float = Field(default=3.0, ge=1.0, le=6.0, description="Cement behind a cemented cup.")
    opacifier: Opacifier = Field(default="barium sulphate", description="What makes that cement show.")
    marker: MetalName = Field(default="steel", description="Wire that shows where a cemented cup lies.")

    @model_validator(mode="after")
    def _screws_go_with_a_shell(self) -> Self:
        if self.fixation == "cemented" and self.screws:
            raise ValueError("a cemented cup has no screws: give it screws=()")
        return self
