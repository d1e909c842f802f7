"""Decoding of the bytes of a file to a radiograph, with a reason for each refusal."""

from functools import cache

from shared.images.formats import detect_format
from shared.images.jpeg.decode import decode_jpeg
from shared.images.parser import parser
from shared.images.png.decode import decode_png
from shared.images.radiograph import Radiograph, refuse_blank
from shared.images.spec import Depth
from shared.processes.limited_process import LimitedProcesses


def decode_radiograph(encoded: bytes, depth: Depth = "16") -> Radiograph:
    """Decode a PNG, JPEG or DICOM file in this process, regardless of the file name.

    Args:
        depth: bits of the samples in 16-bit PNG files; see `shared.images.depth`.

    Raises:
        ImageError: the file cannot be read correctly; the reasons are those of `detect_format`,
            `decode_png`, `decode_jpeg`, `decode_dicom`, and `refuse_blank`.
        MemoryError: not enough memory, which is not the file's fault.
    """
    # The EXIF orientation (EXIF 2.32, tag 0x0112) is applied, as image viewers do, or else that of
    # XMP. PNG and JPEG do not record inversion, so an inverted radiograph is not corrected.
    file_format = detect_format(encoded)
    with parser(file_format.upper()):
        if file_format == "png":
            radiograph = decode_png(encoded, depth)
        elif file_format == "jpeg":
            radiograph = decode_jpeg(encoded)
        else:
            # late, because pydicom takes half a second to import
            from shared.images.dicom.decode import decode_dicom

            # padding and shutters are black, so the check for blank pictures is there
            return decode_dicom(encoded)
    refuse_blank(radiograph.grey)
    return radiograph


def read_radiograph(encoded: bytes, depth: Depth = "16") -> Radiograph:
    """Decode a file as `decode_radiograph` does, with DICOM files in a process of their own.

    Raises:
        ImageError: as `decode_radiograph`, or `too_slow`.
        MemoryError: the machine has too little memory.
        WorkerError: a process cannot be started.
    """
    # the decoders of compressed transfer syntaxes are native code, and a damaged file can make them
    # crash, hang or allocate without limit
    if detect_format(encoded) == "dicom":
        return _dicom_decoders().decode(encoded)
    return decode_radiograph(encoded, depth)


@cache
def _dicom_decoders() -> LimitedProcesses:
    return LimitedProcesses("shared.images.decode:decode_radiograph")
