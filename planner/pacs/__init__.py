"""DICOMweb in and out: CTs from a picture archive, plans into it."""
