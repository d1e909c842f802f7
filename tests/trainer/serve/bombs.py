"""Bombs: small files that claim, or inflate to, far more than a machine has."""

import struct
import zlib

import numpy as np
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests.shared.make_png import SIGNATURE, chunk, ihdr
from tests.trainer.dicom_files import make_dicom, write_dicom

_REPEATED_BYTES = 64 * 1024 * 1024


def make_png_bomb(side_px: int = 20_000) -> bytes:
    """Return a valid PNG of black pixels."""
    row = bytes(side_px + 1)
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for _ in range(side_px)) + packer.flush()
    return SIGNATURE + ihdr(side_px, side_px) + chunk(b"IDAT", packed) + chunk(b"IEND")


def make_dicom_bomb(num_bytes: int = 5 * 1024**3) -> bytes:
    """Return a deflated DICOM file whose data set has a private element of zeros at its end."""
    dataset = make_dicom(np.zeros((64, 64), np.uint8), bits=8)
    plain = write_dicom(dataset)
    end = plain.index(b"UL", 132) + 4
    length = int.from_bytes(plain[end - 2 + 2 : end + 4], "little")
    start = end + 4 + length
    meta = plain[:start].replace(_uid(ExplicitVRLittleEndian), _uid(DeflatedExplicitVRLittleEndian))
    added = len(meta) - start
    meta = meta[:end] + (length + added).to_bytes(4, "little") + meta[end + 4 :]
    zeros = struct.pack("<HH2sHI", 0x7FE1, 0x1000, b"OB", 0, 0xFFFFFFFE)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(plain[start:] + zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    # what follows a full flush needs nothing from before, so it can be repeated
    block = packer.compress(bytes(_REPEATED_BYTES)) + packer.flush(zlib.Z_FULL_FLUSH)
    return meta + packed + block * (num_bytes // _REPEATED_BYTES) + packer.flush()


def _uid(uid: str) -> bytes:
    value = uid + "\0" * (len(uid) % 2)
    return b"UI" + struct.pack("<H", len(value)) + value.encode()
