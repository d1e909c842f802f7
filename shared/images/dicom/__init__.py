"""DICOM: from a file to the grey pixels that a viewer displays."""
