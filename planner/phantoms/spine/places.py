"""Which vertebra and which bone a piece of hardware belongs to."""

from planner.config.phantoms.spine.hardware import Site
from planner.errors import ConfigError
from planner.phantoms.solids.basic import Solid, Union
from planner.phantoms.spine.patient.column import Column
from planner.phantoms.spine.patient.sacrum import Sacrum
from planner.phantoms.spine.patient.vertebrae import Vertebra


def sacrum_of(column: Column) -> Sacrum:
    """Give the sacrum.

    Raises
    ------
    ConfigError
        If it is not shown.
    """
    if column.sacrum is None:
        raise ConfigError("this patient has no sacrum: S1 is not among the shown levels")
    return column.sacrum


def vertebra_at(column: Column, level: str) -> Vertebra:
    """Give a vertebra, the first sacral body where S1 is asked for."""
    return sacrum_of(column).s1 if level == "S1" else column.vertebra(level)


def bone_at(column: Column, level: str, site: Site = "pedicle") -> Solid:
    """Give the outside of the bone that holds a screw, fusion masses with it.

    Parameters
    ----------
    column : Column
        The patient's bones.
    level : str
        Of the screw.
    site : Site
        Iliac screws are held by the ilium, those through S2 by sacrum and ilium.

    Returns
    -------
    Solid
        Canal and foramina are not taken out.
    """
    bone = column.bone_of(level, inside=False) if site in ("pedicle", "ala") else sacrum_of(column).bone(inside=False)
    return bone if column.fusion is None else Union((bone, column.fusion))


def marrow_at(column: Column, level: str, site: Site = "pedicle") -> Solid:
    """Give the cancellous bone that holds a screw; as `bone_at`, without fusion masses."""
    if site in ("pedicle", "ala"):
        return column.bone_of(level, inside=True)
    return sacrum_of(column).bone(inside=True)
