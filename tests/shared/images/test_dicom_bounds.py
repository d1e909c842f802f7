"""A damaged or hostile DICOM file is refused, soon and in little memory, and ends nothing else."""

import resource
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from shared.errors import ImageError
from shared.images.decode import read_radiograph
from shared.images.dicom.decode import decode_dicom
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import ImageSpec
from tests.shared.images.dicom_files import make_dicom, write_dicom
from trainer.inference.image_input import read_view

RAMP = np.linspace(0, 4095, 64 * 48).reshape(64, 48).astype(np.uint16)
PLAIN = write_dicom(make_dicom(RAMP))
ROWS = b"\x28\x00\x10\x00US"
MODALITY = b"\x28\x00\x02\x00US"
SEQUENCE = b"\x08\x00\x40\x11SQ\0\0"
ENDLESS, ITEM = b"\xff\xff\xff\xff", b"\xfe\xff\x00\xe0"
END_ITEM, END_SEQUENCE = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"


def _insert(elements: bytes) -> bytes:
    """Return the plain file with elements before those of the picture."""
    at = PLAIN.index(MODALITY)
    return PLAIN[:at] + elements + PLAIN[at:]


def _deflate(dataset: Dataset) -> tuple[bytes, bytes]:
    """Return a file's header, and the elements that are deflated after it."""
    plain = write_dicom(dataset)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    deflated = write_dicom(dataset)
    end = 144 + struct.unpack_from("<I", deflated, 140)[0]
    return deflated[:end], plain[144 + struct.unpack_from("<I", plain, 140)[0] :]


def _bomb() -> bytes:
    """Return 5 GB of zeros, deflated into a file of a few MB."""
    header, elements = _deflate(make_dicom(RAMP))
    deflating = zlib.compressobj(1, zlib.DEFLATED, -15)
    start = deflating.compress(elements) + deflating.flush(zlib.Z_FULL_FLUSH)
    zeros = deflating.compress(bytes(2**22)) + deflating.flush(zlib.Z_FULL_FLUSH)
    return header + start + zeros * 1280


def _deflated_cut() -> bytes:
    header, elements = _deflate(make_dicom(RAMP))
    return header + zlib.compress(elements)[2:-100]


def _jpeg_2000_of_other_size() -> bytes:
    dataset = make_dicom(RAMP)
    dataset.compress(JPEG2000Lossless)
    encoded = write_dicom(dataset)
    at = encoded.index(b"\xff\x4f\xff\x51") + 8
    size = struct.pack(">6I", 60_000, 60_000, 0, 0, 60_000, 60_000)
    return encoded[:at] + size + encoded[at + len(size) :]


def _rle_bomb() -> bytes:
    """Return a picture whose runs make 250 MB in place of 6 KB."""
    dataset = make_dicom(RAMP)
    dataset.file_meta.TransferSyntaxUID = RLELossless
    runs = b"\x81\0" * 2**20
    dataset.PixelData = encapsulate(
        [struct.pack("<16I", 2, 64, 64 + len(runs), *[0] * 13) + runs * 2]
    )
    dataset["PixelData"].is_undefined_length = True
    return write_dicom(dataset)


def _many_fragments() -> bytes:
    dataset = make_dicom(RAMP)
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.PixelData = (
        encapsulate([b"\0" * 2], fragments_per_frame=1) + (ITEM + bytes(4)) * 200_000
    )
    dataset["PixelData"].is_undefined_length = True
    return write_dicom(dataset)


def _long_table() -> bytes:
    at = PLAIN.index(b"\xe0\x7f\x10\x00")
    table = b"\x28\x00\x10\x30SQ\0\0" + struct.pack("<I", 2**24) + (ITEM + bytes(4)) * 2**21
    return PLAIN[:at] + table + PLAIN[at:]


def _nested(depth: int) -> bytes:
    start = (SEQUENCE + ENDLESS + ITEM + ENDLESS) * depth
    return _insert(start + (END_ITEM + END_SEQUENCE) * depth)


HOSTILE = {
    "deflated into 5 GB": (_bomb, "too_large"),
    "deflated and cut": (_deflated_cut, "truncated"),
    "deflated, damaged": (lambda: _deflate(make_dicom(RAMP))[0] + b"\xff" * 99, "corrupt"),
    "JPEG 2000 of another size": (_jpeg_2000_of_other_size, "corrupt"),
    "RLE of 250 MB": (_rle_bomb, "corrupt"),
    "fragments": (_many_fragments, "too_large"),
    "empty elements": (lambda: _insert(b"\x09\x00\x01\x00LO\0\0" * 2**21), "too_large"),
    "empty items": (lambda: _insert(SEQUENCE + ENDLESS + (ITEM + bytes(4)) * 2**20), "too_large"),
    "a table of empty items": (_long_table, "too_large"),
    "sequences without an end": (
        lambda: _insert((b"\x09\x00\x01\x00OB\0\0" + ENDLESS) * 2**18),
        "no_pixels",
    ),
    "nested 3,000 deep": (lambda: _nested(3_000), "corrupt"),
    "an unknown value representation": (lambda: PLAIN.replace(ROWS, ROWS[:4] + b"U6"), "corrupt"),
    "a number of three bytes": (
        lambda: PLAIN.replace(ROWS + b"\2\0\x40\0", ROWS + b"\3\0\x40\0\0"),
        "corrupt",
    ),
    "a sequence of nothing known": (
        lambda: _insert(SEQUENCE + ENDLESS + ITEM[:3]),
        "corrupt",
    ),
}
"""What was seen to escape, to take gigabytes or minutes, or would."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_soon_and_in_little_memory(name: str) -> None:
    make, reason = HOSTILE[name]
    encoded = make()
    _peak_mb()
    started_s, before_mb = time.process_time(), _peak_mb()
    with pytest.raises(ImageError) as refusal:
        decode_dicom(encoded)
    taken_s, taken_mb = time.process_time() - started_s, _peak_mb() - before_mb
    assert (refusal.value.reason, taken_s < 2, taken_mb < 500) == (reason, True, True), (
        f"{refusal.value}, {taken_s:.1f} s, {taken_mb:.0f} MB"
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_text_that_is_not_used_costs_nothing() -> None:
    character_sets = b"\x08\x00\x05\x00CS\xfe\xff" + b"x\\" * 0x7FFF
    started_s = time.process_time()
    shown = decode_dicom(_insert(character_sets * 40)).grey
    assert time.process_time() - started_s < 2
    np.testing.assert_array_equal(shown, decode_dicom(PLAIN).grey)


def test_sequences_nested_a_few_times_are_read() -> None:
    np.testing.assert_array_equal(decode_dicom(_nested(20)).grey, decode_dicom(PLAIN).grey)


def test_deflated_elements_are_read() -> None:
    header, elements = _deflate(make_dicom(RAMP))
    deflated = header + zlib.compress(elements)[2:-4]
    np.testing.assert_array_equal(decode_dicom(deflated).grey, decode_dicom(PLAIN).grey)


def test_a_bad_file_does_not_keep_a_good_one_from_its_answer(tmp_path: Path) -> None:
    spec = ImageSpec(48)
    expected = prepare(read_radiograph(PLAIN).grey, spec)
    for name in ("RLE of 250 MB", "nested 3,000 deep", "a number of three bytes"):
        with pytest.raises(ImageError):
            read_radiograph(HOSTILE[name][0]())
        np.testing.assert_array_equal(prepare(read_radiograph(PLAIN).grey, spec), expected)
    file = tmp_path / "plain.dcm"
    file.write_bytes(PLAIN)
    np.testing.assert_array_equal(read_view(file, spec).pixels, expected)


@pytest.mark.parametrize("secret", ["root:x:0:0", "hunter2"])
def test_no_refusal_quotes_the_file(secret: str) -> None:
    quoting = (
        f"{secret}:/root\n{secret}\n".encode(),
        b"\x80" + secret.encode(),
        PLAIN.replace(b"MONOCHROME2 ", secret.encode().ljust(12)),
        PLAIN.replace(
            ROWS + b"\2\0\x40\0", ROWS[:4] + b"IS\x0a\0" + secret[:10].ljust(10).encode()
        ),
        PLAIN.replace(b"1.2.840.10008.1.2.1\0", secret.encode().ljust(20, b"\0")),
    )
    unusable = _insert(b"\x28\x00\x53\x10DS\x0c\0" + secret.encode().ljust(12))
    assert read_radiograph(unusable).notes == (
        "the rescaling is not applied: its values are unusable",
    )
    for encoded in quoting:
        with pytest.raises(ImageError) as refusal:
            read_radiograph(encoded)
        assert secret.upper()[:4] not in str(refusal.value).upper()
