"""Messages for unreadable views, without quotes from the file."""

_SENTENCES = {
    "animated": "The file has several pictures.",
    "blank": "The picture has a single grey level.",
    "cmyk": "The picture is CMYK.",
    "colour": "The picture is in colour.",
    "corrupt": "The file is damaged.",
    "empty": "The file has no bytes.",
    "lfs_pointer": "The file is a Git LFS pointer.",
    "multi_frame": "The DICOM file has several pictures.",
    "no_pixels": "The DICOM file has no picture.",
    "other_format": "The file is neither PNG, JPEG nor DICOM.",
    "text": "The file is text.",
    "too_large": "The picture is too large.",
    "too_slow": "The file takes too long to decode.",
    "too_small": "The picture is too small.",
    "transparent": "The picture is transparent.",
    "truncated": "The file is incomplete.",
    "undecodable": "The file cannot be decoded.",
    "unknown_format": "The file is neither PNG, JPEG nor DICOM.",
    "unscaled_16_bit": "The 16-bit samples use too little of their range.",
}


def describe(reason: str) -> str:
    """Return the message for the reason of an `ImageError`."""
    return _SENTENCES.get(reason, "The file cannot be read as a radiograph.")
