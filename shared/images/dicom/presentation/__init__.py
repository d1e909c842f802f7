"""The display pipeline of DICOM: look-up tables, windows, shutters, grey levels."""
