"""Files for 3D Slicer: labels, needles and the scene that opens them together."""
