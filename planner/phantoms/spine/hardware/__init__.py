"""Screws, rods and cages, placed as a surgeon would."""
