"""Frames, grids, rays, rigid motions and distances: where things are, and nothing of what they are."""
