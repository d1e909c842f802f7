"""An encoder of lossless JPEG, which archives are full of and no library here writes."""

from itertools import chain
from struct import pack

import numpy as np
import numpy.typing as npt

_CODE_BITS, _NUM_CODES = 5, 17


def encode_lossless_jpeg(samples: npt.NDArray[np.uint16], bits: int) -> bytes:
    """Encode one grey picture by first-order prediction (ITU T.81, Annex H; selection value 1).

    The Huffman table is the plainest there is: the number of a category, in five bits.
    """
    height, width = samples.shape
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xC3, pack(">BHHBBBB", bits, height, width, 1, 1, 0x11, 0)),
            _segment(0xC4, bytes([0, *_code_counts(), *range(_NUM_CODES)])),
            _segment(0xDA, bytes([1, 1, 0, 1, 0, 0])),
            _pack_bits("".join(chain(*map(_encode, _differences(samples, bits))))),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, content: bytes) -> bytes:
    return pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _code_counts() -> list[int]:
    return [_NUM_CODES if length == _CODE_BITS else 0 for length in range(1, 17)]


def _differences(samples: npt.NDArray[np.uint16], bits: int) -> list[int]:
    """Return what each sample adds to its left neighbour, or the one above it, modulo 2^16."""
    known = samples.astype(np.int64)
    predicted = np.empty_like(known)
    predicted[:, 1:] = known[:, :-1]
    predicted[1:, 0] = known[:-1, 0]
    predicted[0, 0] = 2 ** (bits - 1)
    return ((known - predicted + 32767) % 65536 - 32767).ravel().tolist()


def _encode(difference: int) -> tuple[str, str]:
    """Return the code of a difference's category, and which of the category it is (H.1.2.2)."""
    category = abs(difference).bit_length() if difference != 32768 else 16
    code = format(category, f"0{_CODE_BITS}b")
    if category in (0, 16):
        return code, ""
    which = difference if difference > 0 else difference + 2**category - 1
    return code, format(which, f"0{category}b")


def _pack_bits(bits: str) -> bytes:
    filled = bits + "1" * (-len(bits) % 8)
    return int(filled, 2).to_bytes(len(filled) // 8, "big").replace(b"\xff", b"\xff\x00")
