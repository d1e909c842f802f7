"""The displayed frame of an object with several frames."""

from io import BytesIO
from typing import Any

from pydicom import Dataset, uid
from pydicom.encaps import (
    encapsulate,
    generate_fragments,
    generate_frames,
    get_frame,
    parse_basic_offsets,
    parse_fragments,
)

from shared.errors import ImageError
from shared.images.dicom.identity import read_class
from shared.images.dicom.values import read_number

_RADIOGRAPHS = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,
    uid.DigitalMammographyXRayImageStorageForPresentation,
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.DigitalIntraOralXRayImageStorageForPresentation,
    uid.DigitalIntraOralXRayImageStorageForProcessing,
    uid.XRayAngiographicImageStorage,
    uid.EnhancedXAImageStorage,
    uid.XRayRadiofluoroscopicImageStorage,
    uid.EnhancedXRFImageStorage,
    uid.RTImageStorage,
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
)
# tag of an item; compressed pixels are little-endian in every transfer syntax (PS3.5, A.4)
_ITEM, _MOST_FRAGMENTS = b"\xfe\xff\x00\xe0", 65_536
OFFSETS = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def choose_frame(dataset: Dataset) -> tuple[int, tuple[str, ...]]:
    """Return the index of the displayed frame, from 0, and a note if there are others.

    Raises:
        ImageError: reason `multi_frame`: the frames are slices or a film of another modality.
    """
    num_frames = int(read_number(dataset, "NumberOfFrames") or 1)
    dataset.NumberOfFrames = max(1, num_frames)
    if num_frames <= 1:
        return 0, ()
    kind = read_class(dataset)
    if kind.type == "SOP Class" and kind not in _RADIOGRAPHS:
        raise ImageError("multi_frame", f"{num_frames} frames, {kind.name}")
    try:
        number = read_number(dataset, "RepresentativeFrameNumber")
    except ValueError:
        number = None
    # the first frame, as in viewers: all elements of the image belong to it (PS3.3, C.7.6.6.1); a
    # RepresentativeFrameNumber (C.7.6.9) has precedence
    frame = int(number) if number and 1 <= number <= num_frames else 1
    return frame - 1, (f"frame {frame} of {num_frames} is displayed",)


def isolate_frame(dataset: Dataset, frame: int) -> bytes:
    """Return a compressed frame, and make it the only one of the dataset.

    Raises:
        ImageError: reason `too_large`: more fragments than in any radiograph.
        ValueError: the frame is missing.
    """
    if dataset.PixelData.count(_ITEM) > _MOST_FRAGMENTS:
        raise ImageError("too_large", f"more than {_MOST_FRAGMENTS} fragments")
    picture = _find_frame(dataset, frame)
    for name in ("NumberOfFrames", *OFFSETS):
        if name in dataset:
            del dataset[name]
    dataset.PixelData = encapsulate([picture])
    return picture


def _find_frame(dataset: Any, frame: int) -> bytes:
    num_frames = dataset.NumberOfFrames
    if num_frames == 1:
        return next(generate_frames(dataset.PixelData, number_of_frames=1))
    fragments = BytesIO(dataset.PixelData)
    parse_basic_offsets(fragments)
    num_fragments, starts = parse_fragments(fragments)
    if num_fragments == num_frames:
        # unambiguous, while offset tables of some files are wrong
        fragments.seek(starts[frame])
        return next(generate_fragments(fragments))
    tables = [dataset.get(name) for name in OFFSETS]
    return get_frame(
        dataset.PixelData,
        frame,
        number_of_frames=num_frames,
        extended_offsets=(tables[0], tables[1]) if all(tables) else None,
    )
