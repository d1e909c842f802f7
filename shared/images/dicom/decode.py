"""Decoding of DICOM files to the greyscale pixels that a workstation displays."""

import warnings

import pydicom
from pydicom.pixels.common import PhotometricInterpretation

from shared.counts import count
from shared.errors import ImageError
from shared.images.dicom.colour import COLOURS, to_grey
from shared.images.dicom.elements import read_elements
from shared.images.dicom.frames import choose_frame
from shared.images.dicom.functional_groups import lift_groups
from shared.images.dicom.identity import hash_patient, read_study, refuse_other_objects
from shared.images.dicom.presentation.display import show
from shared.images.dicom.samples import decode_samples
from shared.images.dicom.stored import complete_bits, extract_stored
from shared.images.dicom.values import read_number, read_numbers, read_text
from shared.images.parser import parser
from shared.images.radiograph import Radiograph, refuse_blank
from shared.images.size import check_size

GREYS = ("MONOCHROME1", "MONOCHROME2")
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio")
_MOST_SKEW = 0.01


def decode_dicom(encoded: bytes) -> Radiograph:
    """Decode a DICOM file to the initial display of a workstation; see `show` and `choose_frame`.

    Raises:
        ImageError: reason `blank`, `colour`, `multi_frame`, `no_image`, `no_pixels`, `corrupt`,
            `truncated`, `too_large` or `undecodable`, or those of `check_size`.
        MemoryError: not enough memory.
    """
    with warnings.catch_warnings():
        # pydicom warns about minor violations of the standard, which are common in scanners' files
        warnings.simplefilter("ignore")
        with parser("pydicom, elements", "corrupt"):
            dataset = read_elements(encoded)
            refuse_other_objects(dataset)
            _check_elements(dataset)
            complete_bits(dataset)
            frame, frame_notes = choose_frame(dataset)
            lift_groups(dataset, frame)
            study, patient = read_study(dataset), hash_patient(dataset)
        with parser(f"pydicom, {_name_syntax(dataset)}"):
            samples, precision = decode_samples(dataset, frame)
        with parser("pydicom, window or look-up table"):
            if read_text(dataset, "PhotometricInterpretation") in GREYS:
                grey, notes = show(extract_stored(samples, dataset, precision), dataset)
            else:
                grey, notes = to_grey(samples, dataset), ()
                refuse_blank(grey)
            notes = (*frame_notes, *notes, *_note_aspect(dataset))
    height_px, width_px = grey.shape
    channels = samples.shape[2] if samples.ndim == 3 else 1
    return Radiograph(grey, width_px, height_px, channels, notes, study, patient)


def _check_elements(dataset: pydicom.Dataset) -> None:
    """Refuse anything but a picture in grey or a known colour space, before decoding."""
    if "PixelData" not in dataset:
        raise ImageError("no_pixels", "the DICOM file has no pixel data")
    num_samples = read_number(dataset, "SamplesPerPixel") or 1
    interpretation = read_text(dataset, "PhotometricInterpretation")
    if not interpretation and num_samples == 1:
        # viewers assume it, and almost all other modalities write it
        interpretation = dataset.PhotometricInterpretation = "MONOCHROME2"
    if num_samples != (1 if interpretation in (*GREYS, "PALETTE COLOR") else 3) or (
        interpretation not in (*GREYS, *COLOURS)
    ):
        known = interpretation in [str(each.value) for each in PhotometricInterpretation]
        found = interpretation if known else "an unknown photometric interpretation"
        raise ImageError("colour", f"{found}, {count(int(num_samples), 'samples')} per pixel")
    dataset.SamplesPerPixel = int(num_samples)
    dataset.PlanarConfiguration = int(read_number(dataset, "PlanarConfiguration") or 0)
    check_size(int(dataset.Columns), int(dataset.Rows))


def _name_syntax(dataset: pydicom.Dataset) -> str:
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    # the name of an unknown UID is the UID, which may hold arbitrary text of the file
    return syntax.name if syntax and syntax.name != syntax else "unknown transfer syntax"


def _note_aspect(dataset: pydicom.Dataset) -> tuple[str, ...]:
    # detectors of radiographs have square pixels (PS3.3, C.7.6.3.1.7), so no picture is resampled
    for name in _SPACINGS:
        try:
            numbers = read_numbers(dataset, name)
        except ValueError:
            continue
        if len(numbers) == 2 and min(numbers) > 0:
            ratio = numbers[0] / numbers[1]
            is_square = abs(ratio - 1) <= _MOST_SKEW
            return () if is_square else (f"pixels of {ratio:.3g} : 1 are displayed as squares",)
    return ()
