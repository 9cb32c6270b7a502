"""Gaps, rims, and what only looks like them."""
