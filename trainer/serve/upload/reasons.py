"""Reject reasons as sentences, without content of the file."""

_SENTENCES = {
    "animated": "The file contains several images.",
    "beyond_depth": "The 16-bit image uses more bits than the images of the model.",
    "blank": "The image has only one grey level.",
    "cmyk": "The image is in CMYK colour.",
    "colour": "The image is in colour.",
    "corrupt": "The file is damaged.",
    "empty": "The file is empty.",
    "lfs_pointer": "The file is a Git LFS pointer, not an image.",
    "multi_frame": "The DICOM file contains slices or a film, not a radiograph.",
    "no_image": "The DICOM file is a report or another object, not an image.",
    "no_pixels": "The DICOM file contains no pixels.",
    "other_format": "The file is not a PNG, JPEG or DICOM file.",
    "text": "The file is text.",
    "too_large": "The image is too large.",
    "too_slow": "The file takes too long to decode.",
    "too_small": "The image is too small.",
    "transparent": "The image has transparent pixels.",
    "truncated": "The file is incomplete.",
    "undecodable": "The file cannot be decoded.",
    "unknown_format": "The file is not a PNG, JPEG or DICOM file.",
    "unscaled_16_bit": "The 16-bit image uses too little of its grey-level range.",
}


def describe(reason: str) -> str:
    """Return a sentence for the reason of an `ImageError`."""
    return _SENTENCES.get(reason, "The file cannot be read as a radiograph.")
