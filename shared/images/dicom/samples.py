"""Samples of a DICOM picture, decoded by pydicom and its plugins."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset, pixels
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from shared.errors import ImageError
from shared.images.dicom.codestream import check_codestream, check_runs, repair_scan

# pydicom leaves array types unknown, so pyright would report every use
_pydicom: Any = pixels
_ENDED_BY_EOI = frozenset((*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes))
_SOI, _EOI, _MOST_PADDING = b"\xff\xd8", b"\xff\xd9", 16
_ITEM, _MOST_FRAGMENTS = b"\xfe\xff\x00\xe0", 65_536


def decode_samples(dataset: Dataset) -> tuple[npt.NDArray[Any], int | None]:
    """Decode the picture.

    Returns:
        Samples as stored, (height, width) or (height, width, 3) in RGB, and the bits per sample of
        a compressed picture; None if samples are words of BitsAllocated bits.

    Raises:
        ImageError: the picture contradicts its header, or is incomplete or too large.
        Exception: any error of pydicom or its plugins for a damaged picture.
    """
    untyped: Any = dataset
    syntax = untyped.file_meta.TransferSyntaxUID
    precision = _check_picture(untyped, syntax) if syntax.is_encapsulated else None
    is_colour = int(untyped.SamplesPerPixel) > 1
    # stored bits and signs are taken from whole words, by `extract_stored`
    raw = {"apply_jls_sign_correction": False, "apply_j2k_sign_correction": False}
    samples, _ = _pydicom.get_decoder(syntax).as_array(
        dataset, index=0, raw=not is_colour, correct_unused_bits=False, **raw
    )
    shape = (untyped.Rows, untyped.Columns) + ((3,) if is_colour else ())
    if samples.shape != shape:
        raise ImageError("corrupt", f"the pixels have shape {samples.shape}")
    return np.asarray(samples), precision


def _check_picture(dataset: Any, syntax: Any) -> int | None:
    """Check a compressed picture before its decoder, and repair its scan header."""
    if dataset.PixelData.count(_ITEM) > _MOST_FRAGMENTS:
        raise ImageError("too_large", f"more than {_MOST_FRAGMENTS} fragments")
    picture: bytes = next(generate_frames(dataset.PixelData, number_of_frames=1))
    rows, columns, channels = dataset.Rows, dataset.Columns, int(dataset.SamplesPerPixel)
    if syntax == RLELossless:
        num_samples = int(rows) * int(columns) * channels
        check_runs(picture, num_samples * int(dataset.BitsAllocated) // 8)
        return None
    precision = check_codestream(picture, (int(columns), int(rows), channels))
    if syntax in _ENDED_BY_EOI and picture.startswith(_SOI):
        # some devices fill the frame with zeros after the end
        picture = picture.rstrip(b"\0")
        if _EOI not in picture[-_MOST_PADDING:]:
            # libjpeg silently fills in missing data
            raise ImageError("truncated", "the JPEG ends before its EOI marker")
        if syntax == JPEGExtended12Bit:
            picture = repair_scan(picture)
        dataset.PixelData = encapsulate([picture])
    return precision
