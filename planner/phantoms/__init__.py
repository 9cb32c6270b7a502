"""Synthetic CTs whose implants, gaps and breaches are known exactly.

>>> from planner.phantoms import make
>>> phantom = make("lumbar")
>>> phantom.volume.hu, phantom.truth.gaps[0].measure.volume_ml
"""

from planner.phantoms.case import KINDS, Phantom, PhantomKind, Recipe, design, draw, make
from planner.phantoms.truth.files import truth_arrays, truth_document

__all__ = ["KINDS", "Phantom", "PhantomKind", "Recipe", "design", "draw", "make", "truth_arrays", "truth_document"]
