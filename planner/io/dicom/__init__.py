"""DICOM: headers, series, geometry and pixels in; CT series and segmentations out."""
