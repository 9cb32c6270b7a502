"""Drawings of where the cement goes, as vectors: from a plan's own data, never of an implant that it does not hold."""
