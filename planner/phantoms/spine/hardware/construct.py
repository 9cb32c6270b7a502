"""A drawn construct: screws aimed by anatomy, defects inflicted on them one by one, rods, cages, cement."""

from typing import Any, Literal, get_args

import numpy as np

from planner.config.phantoms.spine.defects import (
    EvenHalo,
    Halo,
    OneSidedHalo,
    ScrewBreak,
    TipHalo,
    WallDefect,
    WiperHalo,
)
from planner.config.phantoms.spine.hardware import BoneCement, Cage, Metal, Rod, RodBreak, Screw
from planner.config.phantoms.spine.morphometry import Level
from planner.config.phantoms.spine.patient import SpinePatient
from planner.config.phantoms.spine.phantom import SpinePhantom
from planner.errors import ConfigError, UsageError
from planner.geometry.frames import PointTuple, point_tuple
from planner.model.implant import Side
from planner.phantoms.solids.basic import Ball, Union
from planner.phantoms.solids.raster import grid_over, rasterise
from planner.phantoms.spine.defects.gaps import lucent_spaces
from planner.phantoms.spine.defects.halos import ScrewAxis
from planner.phantoms.spine.hardware.aim import Aim, Misplaced, aim_iliac, aim_pedicle, aim_sacral, misplace
from planner.phantoms.spine.hardware.clearance import WallRoom, room_for_halo_mm, room_to_wall
from planner.phantoms.spine.hardware.placed import Hardware, fat_lobule
from planner.phantoms.spine.patient.column import Column, column_of
from planner.phantoms.spine.places import bone_at, vertebra_at

_SIDES: tuple[Side, Side] = ("right", "left")
HaloName = Literal["even", "one_sided", "tip", "wiper", "hole", "thin"]
ScrewDefect = HaloName | Misplaced | Literal["broken_screw", "pulled_out"]
SCREW_DEFECTS: tuple[str, ...] = (*get_args(HaloName), *get_args(Misplaced), "broken_screw", "pulled_out")
_WIDTHS_MM = (1.2, 3.6)
"""Rims over 1 mm are called loosening (PMC3940783); the upper end has no source. A thoracic body has less room."""
_LEAST_WIDTH_MM = 1.1
_LATEST_SHARE = 0.25
"""Of the way from the isthmus to the tip: there a halo has begun, so that more than a third of the shaft has a rim."""
_CORNER_SHARE = 0.3
"""Of a halo's length, that may come out of the bone: halos reach the endplate or the front wall now and then."""
_SUNK_MM = (2.4, 5.0)
"""Subsided cages sank 4.7 mm in the mean, from 2.4 mm on (Rao 2017, J Spine Surg, article 3801)."""
_CORE_SHARE = (0.61, 0.72)
"""Mean core over outer diameter: 0.57 to 0.72 in six makes (Sci Rep 2022, doi 10.1038/s41598-022-11824-2)."""
_FAT_FROM_TIP_MM = (9.0, 12.0, 7.0)
_FAT_CLEAR_MM, _FAT_LATTICE_MM = 1.0, 0.5
"""Bone round a lobule of fat: it must not run into a gap."""
_PITCHES_MM = (2.0, 2.75, 2.8, 3.0)


class Construct:
    """Screws of a drawn spine while defects are inflicted on them one by one."""

    def __init__(
        self, patient: SpinePatient, levels: tuple[Level, ...], metal: Metal, random: np.random.Generator,
        *, loose: bool,
    ) -> None:  # fmt: skip
        self.patient, self.levels, self.metal, self.random, self.loose = patient, levels, metal, random, loose
        self.column: Column = column_of(patient)
        self.screws: list[Screw] = []
        self.aims: list[Aim] = []
        self.untouched: list[int] = []
        self._thread: Literal["v", "buttress"] = "v" if random.random() < 0.5 else "buttress"
        self._core = float(random.uniform(*_CORE_SHARE))
        self._conical = bool(random.random() < 0.5)
        self._cannulated = bool(random.random() < 0.3)
        self._pitch = float(random.choice(_PITCHES_MM))

    def place(self, *, pelvis: bool) -> None:
        """Put the construct's screws in."""
        for level in self.levels:
            for side in _SIDES:
                if level == "S1":
                    self._add(level, side, "pedicle", aim_sacral(self.column, side, self.random))
                else:
                    self._add(level, side, "pedicle", aim_pedicle(self.column, level, side, self.random))
        if pelvis:
            for side in _SIDES:
                self._add("S1", side, "iliac", aim_iliac(self.column, side, self.random))
        # One screw at least stays firm: without it nothing tells a loose one.
        order = list(self.random.permutation(len(self.screws)))
        self.untouched = [int(n) for n in order[:-1]]

    def inflict(self, name: str) -> None:
        """Let one screw have a defect of this name; what is no screw's is done elsewhere."""
        if name not in SCREW_DEFECTS:
            return
        number = self._choose(name)
        screw = self.screws[number]
        if name in get_args(Misplaced):
            self._misplace(number, name)
            if self.loose:
                # The bone has given way all along: the halo opens where the screw is out of it.
                self._replace(number, halo=self._halo(number, "even", in_pedicle=name in ("canal", "lateral")))
        elif name == "broken_screw":
            at = float(
                np.clip(self.aims[number].isthmus_mm * self.random.uniform(0.6, 1.0), 6.0, screw.length_mm - 14.0)
            )
            broken = ScrewBreak(
                at_mm=round(at, 2),
                offset_mm=round(float(self.random.uniform(0.8, 2.0)), 2),
                toward_deg=round(float(self.random.uniform(0.0, 360.0)), 1),
            )
            self._replace(number, broken=broken, halo=self._halo(number, "even"))
        elif name == "pulled_out":
            self._replace(number, pulled_out_mm=round(float(self.random.uniform(3.0, 9.0)), 2))
        else:
            kind = name if name in ("even", "one_sided", "tip", "wiper") else "even"
            self._replace(number, halo=self._halo(number, kind))
            if name in ("hole", "thin"):
                self._replace(number, wall_defects=(self._wall_defect(number, thin=name == "thin"),))

    def rods(self, metal: Metal, wanted: tuple[str, ...]) -> tuple[Rod, ...]:
        """Give a rod for each side, one of them broken or out of a tulip where that is wanted."""
        rods: list[Rod] = []
        first: Side = "right" if self.random.random() < 0.5 else "left"
        diameter = float(self.random.choice([5.5, 6.0]))
        for side in _SIDES:
            broken = None
            if side == first and "broken_rod" in wanted:
                share = round(float(self.random.uniform(0.35, 0.65)), 3)
                broken = RodBreak(share=share, offset_mm=round(float(self.random.uniform(1.0, 3.0)), 2))
            out = side != first and "disassembled" in wanted
            overhang = round(float(self.random.uniform(5.0, 10.0)), 2)
            rods.append(
                Rod(
                    side=side, diameter_mm=diameter, metal=metal, overhang_mm=overhang, broken=broken,
                    out_of=(self.levels[0],) if out else (),
                )
            )  # fmt: skip
        return tuple(rods)

    def cages(self, *, sunk: bool, firm: bool) -> tuple[Cage, ...]:
        """Give one cage: sunk where wanted, firm in one of four others, none where a screw is in its way."""
        if not (sunk or (firm and self.random.random() < 0.25)):
            return ()
        upper, lower = self.levels[-2], self.levels[-1]
        shape = vertebra_at(self.column, upper).shape.body_mm
        cage = Cage(
            upper=upper,
            lower=lower,
            material="titanium" if self.random.random() < 0.5 else "PEEK",
            width_mm=round(0.95 * shape[0], 1),
            depth_mm=round(1.05 * shape[1], 1),
            wall_mm=2.5 if shape[0] > 20.0 else 1.8,
            right_mm=round(float(self.random.uniform(-3.0, 3.0)), 1),
            yaw_deg=round(float(self.random.uniform(-8.0, 8.0)), 1),
        )
        depth = round(float(self.random.uniform(*_SUNK_MM)), 2)
        width = round(float(self.random.uniform(1.2, 2.5)), 2)
        # Deep first; over a screw it sinks less, or into the vertebra above, whose screws lie further off.
        tries: list[dict[str, Any]] = [{}]
        if sunk:
            tries = [
                {"sunk_mm": round(depth * share, 2), "sunk_into": into, "interface_mm": width}
                for into, share in (("lower", 1.0), ("lower", 0.6), ("upper", 1.0), ("upper", 0.6), ("lower", 0.3))
            ]
        for update in tries:
            placed = Cage.model_validate({**dict(cage), **update})
            if self._has_room(placed):
                return (placed,)
        if sunk:
            raise UsageError("no cage can sink in this spine without meeting a screw; take another seed")
        return ()

    def _has_room(self, cage: Cage) -> bool:
        recipe = SpinePhantom(patient=self.patient, screws=tuple(self.screws), cages=(cage,))
        try:
            Hardware(recipe, self.column).require_apart()
        except ConfigError:
            return False
        return True

    def cements(self) -> tuple[BoneCement, ...]:
        """Give an earlier vertebroplasty above the construct, sometimes."""
        place = self.patient.levels.index(self.levels[0])
        broken = {a.level for a in self.patient.altered if hasattr(a, "level")}
        if place == 0 or self.random.random() > 0.25:
            return ()
        level = self.patient.levels[place - 1]
        if level in broken:
            return ()
        volume = 1.2 if level.startswith("T") else 2.4
        return (BoneCement(level=level, volume_ml=volume, seed=int(self.random.integers(1, 1000))),)

    def touch_fat(self, cages: tuple[Cage, ...]) -> None:
        """Let marrow fat touch one firm screw, in the body, clear of all that is lucent and of other hardware."""
        firm = [n for n, s in enumerate(self.screws) if not s.loose and s.site == "pedicle"]
        if not firm:
            return
        first = int(self.random.integers(len(firm)))
        recipe = SpinePhantom(patient=self.patient, screws=tuple(self.screws), cages=cages)
        hardware = Hardware(recipe, self.column)
        lucent = [p.solid for p in lucent_spaces(hardware).parts]
        for number in (*firm[first:], *firm[:first]):
            screw = hardware.screws[number]
            others = [s.hull for n, s in enumerate(hardware.screws) if n != number]
            taken = Union((*lucent, *others, *(c.hull for c in hardware.cages)))
            for from_tip_mm in _FAT_FROM_TIP_MM:
                at = round(screw.recipe.length_mm - from_tip_mm, 1)
                lobule = fat_lobule(screw, at)
                around = Ball(lobule.centre_lps, lobule.radius_mm + _FAT_CLEAR_MM)
                grid = grid_over(around.bounds_lps, _FAT_LATTICE_MM)
                if not (rasterise(around, grid) & rasterise(taken, grid)).any():
                    self._replace(number, fat_at_mm=(at,))
                    return

    def _add(self, level: Level, side: Side, site: Literal["pedicle", "iliac"], aim: Aim) -> None:
        core = round(self._core * aim.diameter_mm, 2)
        cannula = 1.6 if self._cannulated and core > 3.4 else None
        # A conical core has the same mean.
        conical = self._conical and (cannula is None or core > 4.2)
        screw = Screw(
            level=level, side=side, site=site, head_mm=self._local(level, side, aim.head_lps),
            tip_mm=self._local(level, side, aim.tip_lps), diameter_mm=aim.diameter_mm,
            core_mm=round(core * 1.12, 2) if conical else core, tip_core_mm=round(core * 0.88, 2) if conical else None,
            thread=self._thread, pitch_mm=self._pitch_for(aim.diameter_mm), cannula_mm=cannula, metal=self.metal,
        )  # fmt: skip
        self.screws.append(screw)
        self.aims.append(aim)

    def _pitch_for(self, diameter_mm: float) -> float:
        return max(self._pitch, 2.75) if diameter_mm > 5.0 else self._pitch

    def _local(self, level: Level, side: Side, point_lps: PointTuple) -> PointTuple:
        vertebra = vertebra_at(self.column, level)
        x, y, z = (np.subtract(point_lps, vertebra.centre_lps) @ vertebra.axes) / vertebra.scale
        return point_tuple(np.round([x if side == "left" else -x, y, z], 3))

    def _choose(self, name: str) -> int:
        fitting = [n for n in self.untouched if self._suits(n, name)]
        if not fitting:
            raise UsageError(f"no screw is left for the defect {name!r}; ask for fewer defects")
        self.untouched.remove(fitting[0])
        return fitting[0]

    def _suits(self, number: int, name: str) -> bool:
        screw = self.screws[number]
        if name in get_args(Misplaced):
            return screw.site == "pedicle" and screw.level != "S1"
        if name in ("hole", "thin"):
            return screw.site == "pedicle"
        return True

    def _misplace(self, number: int, how: Any) -> None:
        screw = self.screws[number]
        by_mm = round(float(self.random.uniform(2.0, 4.5)), 2)
        aim = misplace(self.aims[number], how, self.column, screw.level, screw.side, by_mm)
        self.aims[number] = aim
        head, tip = (self._local(screw.level, screw.side, p) for p in (aim.head_lps, aim.tip_lps))
        self._replace(number, head_mm=head, tip_mm=tip)

    def _room(self, number: int) -> WallRoom:
        screw, aim = self.screws[number], self.aims[number]
        upward = point_tuple(vertebra_at(self.column, screw.level).axes[:, 2])
        axis = ScrewAxis(aim.head_lps, aim.tip_lps, upward)
        return room_to_wall(axis, aim.diameter_mm, aim.isthmus_mm, bone_at(self.column, screw.level, screw.site))

    def _halo(self, number: int, kind: str, *, in_pedicle: bool = False) -> Halo:
        aim, wall = self.aims[number], self._room(number)
        others = [a for n, a in enumerate(self.aims) if n != number]
        # In a narrow pedicle a halo would be out of the bone at once: it begins where it has room.
        last = aim.isthmus_mm + _LATEST_SHARE * (aim.length_mm - aim.isthmus_mm)
        roomy = wall.along_mm[(wall.least_mm >= _WIDTHS_MM[0] + 0.3) & (wall.along_mm <= last)]
        start = min((float(roomy[0]) if len(roomy) else last) + float(self.random.uniform(0.0, 4.0)), last)
        inner = wall.along_mm >= start
        walls = float(np.quantile(wall.least_mm[inner], _CORNER_SHARE)) + float(self.random.uniform(-0.8, 0.4))
        most = min(_WIDTHS_MM[1], room_for_halo_mm(aim, others), max(walls, 1.3))
        width = max(round(float(self.random.uniform(min(_WIDTHS_MM[0], most), most)), 2), _LEAST_WIDTH_MM)
        rim = round(float(self.random.uniform(0.6, 1.6)), 2) if self.random.random() < 0.75 else 0.0
        start = round(max(aim.isthmus_mm - 6.0, 5.0) if in_pedicle else start, 2)
        if kind == "even":
            return EvenHalo(start_mm=start, width_mm=width, rim_mm=rim)
        if kind == "one_sided":
            freest = np.quantile(wall.room_mm[inner], 0.1, axis=0)
            chosen = int(np.argmax(freest + self.random.uniform(0.0, 1.0, len(freest))))
            wide = round(float(np.clip(1.6 * width, 2.0, max(freest[chosen], 2.0))), 2)
            return OneSidedHalo(start_mm=start, width_mm=wide, toward_deg=float(wall.turns_deg[chosen]), rim_mm=rim)
        if kind == "tip":
            length = round(float(self.random.uniform(8.0, 14.0)), 2)
            return TipHalo(start_mm=start, width_mm=width, length_mm=length, rim_mm=rim)
        swing = round(float(self.random.normal(0.0, 12.0)), 1) if self.random.random() < 0.7 else None
        # About a pivot in the pedicle, where that has room on both sides of it; else the screw only swings in the body.
        roomy_pedicle = bool(wall.least_mm[wall.along_mm <= aim.isthmus_mm + 4.0].min() >= 1.0)
        first = max(aim.isthmus_mm - 4.0, 4.0) if roomy_pedicle else start
        pivot = aim.isthmus_mm + 3.0 if roomy_pedicle else start
        return WiperHalo(
            start_mm=round(first, 2), pivot_mm=round(pivot, 2), width_mm=round(max(1.4 * width, 2.2), 2),
            swing_deg=swing, rim_mm=rim,
        )  # fmt: skip

    def _wall_defect(self, number: int, *, thin: bool) -> WallDefect:
        screw, aim = self.screws[number], self.aims[number]
        # Sideways out of the body, where the way is short and no canal lies: to the screw's own side.
        toward = 90.0 if screw.side == "left" else -90.0
        at = round(float(aim.isthmus_mm + 0.55 * (aim.length_mm - aim.isthmus_mm)), 2)
        wall = round(float(self.random.uniform(0.3, 0.6)), 2) if thin else 0.0
        return WallDefect(
            at_mm=at, toward_deg=toward, diameter_mm=round(float(self.random.uniform(4.0, 6.5)), 1), wall_mm=wall
        )

    def _replace(self, number: int, **update: Any) -> None:
        self.screws[number] = Screw.model_validate({**dict(self.screws[number]), **update})
