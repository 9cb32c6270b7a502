"""When an injection is stopped: the one rule that the simulated filling and the report share."""

from collections.abc import Iterable, Mapping

from planner.model.breach import Breach
from planner.model.cement_fill import BreachArrival
from planner.model.implant import HIP_KINDS, Implant


def is_at_hip(implant: Implant | None) -> bool:
    """Say whether a gap's implant is one of the hip; a gap without an implant is at none."""
    return implant is not None and implant.kind in HIP_KINDS


def stops_injection(breach: Breach, *, hip: bool) -> bool:
    """Say whether an injection is stopped for a breach that cement has reached.

    Parameters
    ----------
    breach : Breach
        The breach.
    hip : bool
        Whether the gap that is filled is at a hip implant.

    Returns
    -------
    bool
        For an open one that is harmful (`Breach.is_harmful`); at the hip for any open one: there it ends at leakage to
        soft tissue, too (doi 10.1177/11207000251415370). Through a thin wall nothing leaks yet: one takes care there,
        and does not stop.
    """
    return breach.severity == "open" and (hip or breach.is_harmful)


def first_stop(
    arrivals: Iterable[BreachArrival], breaches: Mapping[str, Breach], *, hip: bool
) -> tuple[Breach, float] | None:
    """Give the first breach of a course that stops the injection, and the mL injected by then.

    Parameters
    ----------
    arrivals : iterable of BreachArrival
        Of one simulated injection.
    breaches : Mapping of str to Breach
        By their ids.
    hip : bool
        Whether the gap that is filled is at a hip implant.

    Returns
    -------
    tuple of Breach and float, or None
        None where none stops it.
    """
    met = [(a.after_ml, breaches[a.breach_id]) for a in arrivals if stops_injection(breaches[a.breach_id], hip=hip)]
    if not met:
        return None
    after_ml, breach = min(met, key=lambda pair: pair[0])
    return breach, after_ml


def stops_told(breaches: Iterable[Breach], gap_id: str, *, hip: bool) -> tuple[tuple[Breach, float], ...]:
    """Give the breaches of a gap that tell themselves when one stops for them, the earliest first.

    Parameters
    ----------
    breaches : iterable of Breach
        The plan's.
    gap_id : str
        The gap that is filled.
    hip : bool
        Whether it is at a hip implant.

    Returns
    -------
    tuple of (Breach, float)
        With the mL injected by then (`Breach.stop_ml`: also with the tip off its aim, and of needle sets); empty where
        there is none that one stops for, or nothing was simulated.
    """
    own = (b for b in breaches if b.gap_id == gap_id and stops_injection(b, hip=hip))
    return tuple(sorted(((b, b.stop_ml) for b in own if b.stop_ml is not None), key=lambda pair: pair[1]))
