"""Fluoroscopy of a patient: scenes, views by name, pictures, the C-arm's turn, and their files."""
