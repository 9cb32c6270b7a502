"""A plan held against the truth of its phantom."""
