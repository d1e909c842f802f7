"""Whatever the bytes, decoding gives OpenCV's pixels or an ImageError, and never a crash."""

import os
import random
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import ImageError
from shared.images.decode import decode_radiograph
from tests.commands import PROJECT
from tests.shared.images.image_files import image_files
from tests.shared.images.make_png import SIGNATURE, chunk, chunks

NUM_QUICK, NUM_THOROUGH = 600, 100_000
BASES = (
    "png grey by OpenCV",
    "png rgb of equal channels",
    "png 16-bit rgb",
    "png 16-bit interlaced",
    "png 1-bit grey interlaced",
    "png 4-bit palette",
    "png tRNS of an unused palette entry",
    "png tRNS of an unused level",
    "png rgb and opaque alpha",
    "png 16-bit opaque alpha",
    "png IDAT in parts, some empty",
    "png filter up",
    "png orientation 6",
    "png with tEXt",
    "jpeg grey",
    "jpeg progressive rgb",
    "jpeg rgb 4:4:4",
    "jpeg restart markers",
    "jpeg orientation 6",
)


@cache
def bases() -> dict[str, bytes]:
    return {file.name: file.encoded for file in image_files() if file.name in BASES}


def _spoil(content: bytes, rng: random.Random) -> bytes:
    """Change a few bytes: flipped bits, other values, some lost, repeated or put in."""
    spoilt = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, length = rng.randrange(len(spoilt) + 1), rng.choice((1, 1, 2, 4, 30))
        how = rng.randrange(6)
        if how == 0 and at < len(spoilt):
            spoilt[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            spoilt[at : at + length] = rng.randbytes(length)
        elif how == 2:
            spoilt[at : at + length] = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * length
        elif how == 3:
            del spoilt[at : at + length]
        elif how == 4:
            spoilt[at:at] = spoilt[at : at + length]
        else:
            spoilt[at:at] = rng.randbytes(length)
    return bytes(spoilt)


def _spoil_chunk(encoded: bytes, rng: random.Random) -> bytes:
    """Change one chunk's content, kind or place, and make its checksum right again."""
    parts = list(chunks(encoded))
    at = rng.randrange(len(parts))
    kind, content = parts[at]
    how = rng.randrange(8)
    if how == 0:
        parts[at] = (rng.choice((b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IHDR", b"fdAT")), content)
    elif how == 1:
        parts.insert(rng.randrange(len(parts)), parts.pop(at))
    elif how == 2:
        parts.insert(rng.randrange(len(parts)), (kind, _spoil(content, rng)))
    else:
        parts[at] = (kind, _spoil(content, rng))
    return SIGNATURE + b"".join(chunk(kind, content) for kind, content in parts)


def _spoil_stream(encoded: bytes, rng: random.Random, spoil_rows: bool) -> bytes:
    """Change the deflated stream, or the filtered rows in it; all checksums are right again."""
    parts = list(chunks(encoded))
    stream = b"".join(content for kind, content in parts if kind == b"IDAT")
    if spoil_rows:
        rows = _spoil(zlib.decompress(stream), rng)
        if rng.randrange(2):
            rows = bytes(rng.randrange(5) if byte < 5 else byte for byte in rows)
        strategy = rng.choice((zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY))
        deflating = zlib.compressobj(rng.randrange(10), zlib.DEFLATED, 15, 9, strategy)
        stream = deflating.compress(rows) + deflating.flush()
    else:
        stream = _spoil(stream[2:-4], rng) if rng.randrange(2) else _spoil(stream, rng)
        stream = _with_adler(stream) if rng.randrange(2) else stream
    first = next(at for at, (kind, _) in enumerate(parts) if kind == b"IDAT")
    others = [(kind, content) for kind, content in parts if kind != b"IDAT"]
    others.insert(first, (b"IDAT", stream))
    return SIGNATURE + b"".join(chunk(kind, content) for kind, content in others)


def _with_adler(deflated: bytes) -> bytes:
    """Wrap raw deflated bytes as zlib does, the Adler-32 being that of whatever comes out."""
    inflating = zlib.decompressobj(-15)
    try:
        content = inflating.decompress(deflated, 2**20)
    except zlib.error:
        content = b""
    return b"\x78\x9c" + deflated + struct.pack(">I", zlib.adler32(content))


def mutate(encoded: bytes, rng: random.Random) -> bytes:
    """Damage a PNG or JPEG on a level chosen by `rng`."""
    levels: list[Callable[[bytes, random.Random], bytes]] = [_spoil]
    if encoded.startswith(SIGNATURE):
        levels += [_spoil_chunk, _spoil_chunk]
        levels += [partial(_spoil_stream, spoil_rows=rows) for rows in (True, True, False)]
    return rng.choice(levels)(encoded, rng)


def outcome(encoded: bytes) -> str:
    """Decode, hold the pixels against OpenCV's, and return what became of the file."""
    try:
        grey = decode_radiograph(encoded).grey
    except ImageError as refusal:
        return refusal.reason
    with _silence():
        expected = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(grey, expected)
    return "pixels"


@contextmanager
def _silence() -> Iterator[None]:
    """Send standard error, libpng's too, to nowhere: OpenCV alone warns of much we accept."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@settings(max_examples=NUM_QUICK, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(BASES), st.integers(0, 2**32))
def test_mutated_files_give_opencv_s_pixels_or_are_refused(name: str, seed: int) -> None:
    outcome(mutate(bases()[name], random.Random(seed)))


@given(st.binary(max_size=400), st.sampled_from([b"", SIGNATURE, b"\xff\xd8\xff"]))
@settings(max_examples=200, deadline=None, database=None, derandomize=True)
def test_any_bytes_are_refused(content: bytes, signature: bytes) -> None:
    assert outcome(signature + content) != "pixels"


def fuzz(num_images: int, latest: Path) -> None:
    """Decode mutated files, each left at `latest` first, should it crash the process."""
    outcomes: Counter[str] = Counter()

    @settings(
        max_examples=num_images,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.sampled_from(BASES), st.integers(0, 2**64))
    def decode_one(name: str, seed: int) -> None:
        encoded = mutate(bases()[name], random.Random(seed))
        latest.write_bytes(encoded)
        outcomes[outcome(encoded)] += 1

    decode_one()
    print(f"{outcomes.total()} mutated images: {dict(outcomes.most_common())}")


@pytest.mark.benchmark
def test_many_mutated_files_in_a_process_of_their_own(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from tests.shared.images.test_decode_fuzz import fuzz;"
        f"fuzz({NUM_THOROUGH}, Path({str(tmp_path / 'latest')!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, f"{done.stderr} (the file: {tmp_path / 'latest'})"
    assert done.stderr == ""
