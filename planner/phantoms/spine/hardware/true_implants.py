"""Screws, rods and cages of a spine as truth.

A broken screw or rod is two implants, as a scan shows it: each piece has its own axis, ends and length. The piece with
the screw's head, or the lower one of a rod, keeps the name; the other's ends in "-tip". Of a broken screw only the
piece in the lucent space is called loose; of the other, nobody can say.
"""

import numpy as np

from planner.config.phantoms.spine.hardware import Metal
from planner.geometry.frames import PointsLps, point_tuple
from planner.model.implant import Material
from planner.phantoms.solids.basic import Solid, Union
from planner.phantoms.spine.defects.halos import ScrewAxis
from planner.phantoms.spine.hardware.cages import PlacedCage
from planner.phantoms.spine.hardware.polyaxial import PolyaxialScrew
from planner.phantoms.spine.hardware.rods import BentRod
from planner.phantoms.spine.hardware.walls import astray
from planner.phantoms.spine.patient.column import Column
from planner.phantoms.truth.facts import TrueImplant


def material_of(metal: Metal) -> Material:
    """Give the plan's word for a metal."""
    return "titanium" if metal == "titanium" else "cobalt_chrome_or_steel"


def true_screw(screw: PolyaxialScrew, column: Column) -> tuple[TrueImplant, ...]:
    """Give a screw, or the pieces of a broken one, that with the head first.

    Parameters
    ----------
    screw : PolyaxialScrew
        In the patient.
    column : Column
        Her bones.

    Returns
    -------
    tuple of TrueImplant
    """
    recipe, broken = screw.recipe, screw.recipe.broken is not None
    out = []
    for number, (name, axis, metal) in enumerate(zip(screw.piece_ids, screw.axes, screw.metals, strict=True)):
        in_gap = screw.loose_piece == number
        stray = astray(screw, axis, column)
        out.append(
            TrueImplant(
                id=name,
                kind="pedicle_screw",
                solid=metal,
                head_lps=axis.head_lps,
                tip_lps=axis.tip_lps,
                diameter_mm=recipe.diameter_mm,
                length_mm=axis.length_mm,
                side=recipe.side,
                level=recipe.level,
                loose=(in_gap or None) if broken else in_gap,
                material=material_of(recipe.metal),
                broken=broken,
                moved=recipe.pulled_out_mm > 0.0,
                canal_breach_mm=_canal_breach_mm(axis, recipe.diameter_mm, column.hollow),
                beyond_wall_mm=stray.beyond_mm,
                through=stray.wall,
            )
        )
    return tuple(out)


def _canal_breach_mm(axis: ScrewAxis, diameter_mm: float, hollow: Solid) -> float:
    """Give how deep the thread of a screw stands in the canal, 0 where it does not."""
    turns = np.arange(0.0, 360.0, 10.0)
    ring = np.array([axis.toward(turn) for turn in turns]) * diameter_mm / 2.0
    along = np.arange(0.0, axis.length_mm, 0.5)
    middles = np.array(axis.head_lps) + along[:, None] * axis.direction
    points = PointsLps((middles[:, None] + ring[None]).reshape(-1, 3))
    return max(0.0, float(-hollow.distance_mm(points).min()))


def true_rod(rod: BentRod) -> tuple[TrueImplant, ...]:
    """Give a rod, or the pieces of a broken one, the lower first; each from its lower to its upper end."""
    pieces = zip(rod.piece_ids, rod.pieces_lps, rod.metals, rod.lengths_mm, strict=True)
    return tuple(
        TrueImplant(
            id=name,
            kind="rod",
            solid=metal,
            head_lps=point_tuple(line[0]),
            tip_lps=point_tuple(line[-1]),
            diameter_mm=rod.recipe.diameter_mm,
            length_mm=length,
            side=rod.recipe.side,
            material=material_of(rod.recipe.metal),
            broken=rod.recipe.broken is not None or bool(rod.recipe.out_of),
        )
        for name, line, metal, length in pieces
    )


def true_cage(cage: PlacedCage) -> TrueImplant:
    """Give a cage with its markers."""
    return TrueImplant(
        id=cage.recipe.id,
        kind="cage",
        solid=Union((cage.frame, *cage.markers)),
        level=cage.recipe.lower,
        loose=cage.recipe.interface_mm is not None,
        material="titanium" if cage.recipe.material == "titanium" else "unknown",
        moved=cage.recipe.sunk_mm > 0.0,
    )
