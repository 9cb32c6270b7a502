"""Saving: the plan's folder, edits that are kept by themselves, a person's review."""
