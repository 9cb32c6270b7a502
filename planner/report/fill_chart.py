"""A chart of where cement goes as more is injected, for each target's expected course."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from planner.model.breach import Breach
from planner.model.cement_fill import CementFill, FillStep
from planner.model.plan import Plan
from planner.report.leaks import leaks_of
from planner.report.palette import BREACH, GAP, IMPLANT

_INCHES, _DPI = (3.5, 2.35), 220
_INK, _SOFT = "#1b1f24", "#5b6570"
_OTHER_GAPS = "#B9AF2B"
_MOST_MARKS = 4
"""More dashed lines than that cannot be told apart."""
_APART = 0.04
"""Share of the axis between two names; by eye."""
_HIGH = 0.6
"""Share of the axis above which names stand under their line's end; by eye."""


def fill_pictures(plan: Plan) -> dict[str, bytes]:
    """Draw the expected courses.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    dict
        PNG by name, ``fill/<gap id>``; gaps whose filling was not simulated, or where nothing goes in, are left out.
    """
    pictures = {}
    for gap in plan.gaps:
        told = leaks_of(plan, gap)
        if told.fill is not None and told.fill.steps and told.fill.steps[-1].injected_ml > 0.0:
            stops = [(e.after_ml, e.breach) for e in told.events if e.stops and e.after_ml is not None and e.breach]
            pictures[f"fill/{gap.id}"] = draw_fill(told.fill, stops)
    return pictures


def draw_fill(fill: CementFill, stops: list[tuple[float, Breach]]) -> bytes:
    """Draw one course: what is in the gap, in cancellous bone and out of the bone, over what is injected.

    Parameters
    ----------
    fill : CementFill
        The course, with at least one step.
    stops : list of (float, Breach)
        Leaks that one stops for, with the mL injected by then, in order.

    Returns
    -------
    bytes
        PNG. Areas stand on each other and together reach what is injected; dashed lines mark the leaks to stop for.
    """
    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.115, 0.175, 0.845, 0.72))
    injected = np.array([0.0, *(step.injected_ml for step in fill.steps)])
    parts = [
        ("in the gap", GAP, [_in_gap(fill, step) for step in fill.steps]),
        ("in other gaps", _OTHER_GAPS, [sum(step.gaps_ml.values()) - _in_gap(fill, step) for step in fill.steps]),
        ("in cancellous bone", IMPLANT, [step.trabecular_ml for step in fill.steps]),
        ("leaked", BREACH, [step.leaked_ml for step in fill.steps]),
    ]
    shown = [(words, colour, np.array([0.0, *ml])) for words, colour, ml in parts if max(ml) > 0.0]
    axes.stackplot(
        injected, *(ml for _, _, ml in shown), labels=[words for words, _, _ in shown],
        colors=[colour for _, colour, _ in shown], edgecolor="white", linewidth=0.4,
    )  # fmt: skip
    _mark(axes, stops[:_MOST_MARKS], float(injected[-1]))
    axes.set_xlim(0.0, float(injected[-1]))
    axes.set_ylim(0.0, float(injected[-1]))
    axes.set_xlabel("injected, mL", fontsize=7, color=_INK, labelpad=2)
    axes.set_ylabel("where it is, mL", fontsize=7, color=_INK, labelpad=2)
    axes.tick_params(labelsize=6.5, length=2, color=_SOFT, labelcolor=_INK)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_SOFT)
        spine.set_linewidth(0.6)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1], labels[::-1], loc="upper left", fontsize=6.5, frameon=False, borderaxespad=0.2,
        handlelength=1.1, handleheight=0.8, labelspacing=0.3,
    )  # fmt: skip
    out = io.BytesIO()
    # Without a software name and a date: the same plan gives the same bytes.
    figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    return out.getvalue()


def _in_gap(fill: CementFill, step: FillStep) -> float:
    return step.gaps_ml.get(fill.gap_id, 0.0)


def _mark(axes: Axes, stops: list[tuple[float, Breach]], most_ml: float) -> None:
    """Draw a dashed line at each leak, up to what is injected by then, and its name; close ones share a line."""
    for after_ml, _ in stops:
        axes.vlines(after_ml, 0.0, after_ml, color=_INK, linewidth=0.8, linestyle=(0, (3, 2)))
    for at_ml, names in _named(stops, most_ml):
        # high up there is no room over the line
        under = at_ml > _HIGH * most_ml
        axes.annotate(
            names, (at_ml, at_ml), xytext=(-4.0, -3.0) if under else (0.0, 5.0), textcoords="offset points",
            fontsize=6.5, color=_INK, ha="center", va="top" if under else "bottom", rotation=90.0,
            annotation_clip=False,
        )  # fmt: skip


def _named(stops: list[tuple[float, Breach]], most_ml: float) -> list[tuple[float, str]]:
    """Put the names of leaks that come at about one volume together, at the first of them."""
    groups: list[tuple[float, list[str]]] = []
    for after_ml, breach in stops:
        if groups and (after_ml - groups[-1][0]) / most_ml < _APART:
            groups[-1][1].append(breach.id)
        else:
            groups.append((after_ml, [breach.id]))
    return [(at_ml, ", ".join(names)) for at_ml, names in groups]
