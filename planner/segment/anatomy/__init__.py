"""Bone, canal, skin and what no needle may cross."""
