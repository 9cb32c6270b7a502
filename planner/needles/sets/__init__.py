"""Needles that work together, in which order, and what they reach."""
