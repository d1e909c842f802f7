"""DICOM decoding, from a file to the greyscale pixels that a viewer displays."""
