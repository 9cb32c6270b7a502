"""Needle trajectories to the gaps: three approaches, searched, kept within hard limits, scored and chosen."""
