"""Stems, cups, heads and the cement round them."""
