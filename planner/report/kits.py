"""How many kits of cement to have at hand."""

import math

from planner.model.needle import Procedure


def kits_of(procedure: Procedure | None, *, kit_ml: float) -> tuple[int | None, bool]:
    """Say how many kits of cement to have at hand.

    Parameters
    ----------
    procedure : Procedure or None
        What is proposed.
    kit_ml : float
        What one kit yields.

    Returns
    -------
    tuple of (int or None, bool)
        Whole kits, rounded up, and whether it may take more because what stays in the needles is not known. None where
        the cement to inject is not known.
    """
    if procedure is None or procedure.cement_ml is None:
        return None, False
    least = procedure.to_prepare_ml is None
    amount = procedure.cement_ml if procedure.to_prepare_ml is None else procedure.to_prepare_ml
    return max(1, math.ceil(round(amount / kit_ml, 6))), least
