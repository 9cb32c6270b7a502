"""Plan percutaneous cement injection round loosened implants, from CT.

The names in ``__all__`` are loaded on first use (PEP 562), so that ``import planner`` and the command line's
``--help`` stay quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOME_OF = {
    "Grid": "planner.geometry.grid",
    "Mask": "planner.model.volume",
    "Plan": "planner.model.plan",
    "PlannerError": "planner.errors",
    "Volume": "planner.model.volume",
    "check_trajectory": "planner.pipeline",
    "estimate_volumes": "planner.pipeline",
    "find_breaches": "planner.pipeline",
    "load_ct": "planner.io",
    "load_labels": "planner.io.anatomy_labels",
    "load_plan": "planner.io.plan_json",
    "phantoms": "planner.phantoms",
    "plan": "planner.pipeline",
    "plan_schema": "planner.io.plan_schema",
    "render_view": "planner.pipeline",
    "save_plan": "planner.io.plan_json",
    "simulate_fill": "planner.pipeline",
    "unwrapped_maps": "planner.pipeline",
}

if TYPE_CHECKING:
    from planner import phantoms as phantoms
    from planner.errors import PlannerError as PlannerError
    from planner.geometry.grid import Grid as Grid
    from planner.io import load_ct as load_ct
    from planner.io.anatomy_labels import load_labels as load_labels
    from planner.io.plan_json import load_plan as load_plan
    from planner.io.plan_json import save_plan as save_plan
    from planner.io.plan_schema import plan_schema as plan_schema
    from planner.model.plan import Plan as Plan
    from planner.model.volume import Mask as Mask
    from planner.model.volume import Volume as Volume
    from planner.pipeline import check_trajectory as check_trajectory
    from planner.pipeline import estimate_volumes as estimate_volumes
    from planner.pipeline import find_breaches as find_breaches
    from planner.pipeline import plan as plan
    from planner.pipeline import render_view as render_view
    from planner.pipeline import simulate_fill as simulate_fill
    from planner.pipeline import unwrapped_maps as unwrapped_maps

__all__ = [
    "Grid",
    "Mask",
    "Plan",
    "PlannerError",
    "Volume",
    "__version__",
    "check_trajectory",
    "estimate_volumes",
    "find_breaches",
    "load_ct",
    "load_labels",
    "load_plan",
    "phantoms",
    "plan",
    "plan_schema",
    "render_view",
    "save_plan",
    "simulate_fill",
    "unwrapped_maps",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module the first time it is asked for."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(home)
    value = module if home == f"{__name__}.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
