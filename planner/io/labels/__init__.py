"""Anatomy labels made elsewhere: each kind of file turned to one label map with standard names."""
