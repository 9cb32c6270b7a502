"""A plan's measurements as a DICOM Structured Report."""
