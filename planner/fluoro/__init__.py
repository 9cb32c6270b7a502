"""Simulated fluoroscopy: the C-arm, the projector, the views of a plan and what is drawn over them."""
