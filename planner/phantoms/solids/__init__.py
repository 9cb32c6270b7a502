"""Bodies in closed form, and how they lie on voxels."""
