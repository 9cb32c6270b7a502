"""Ways to stems and cups: where a gap is surest, where the cortex may be entered, in which zones."""
