"""One colour for each kind of structure, told apart by colour-blind readers too (M. Okabe and K. Ito)."""

from types import MappingProxyType
from typing import Final

from planner.model.labels import StructureKind

STRUCTURE_COLOURS: Final = MappingProxyType[StructureKind, str](
    {
        "implant": "#56B4E9",
        "bone": "#BBBBBB",
        "gap": "#F0E442",
        "breach": "#D55E00",
        "canal": "#009E73",
    }
)
"""As ``#RRGGBB``; discs and what is unknown have none, and viewers choose. The report's legend has the same."""
