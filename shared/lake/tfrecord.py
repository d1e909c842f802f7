"""Records of a shard: TFRecord frames around `tf.train.Example`, without TensorFlow."""

import struct
from functools import cache, lru_cache

import crc32c

# a record (tensorflow/core/lib/io/record_writer.h) is its length as uint64, the masked CRC-32C of
# the length, the payload, and the masked CRC-32C of the payload, all little-endian
FRAME_HEADER_BYTES, FRAME_FOOTER_BYTES = 12, 4
FRAME_BYTES = FRAME_HEADER_BYTES + FRAME_FOOTER_BYTES

# constant of TensorFlow's CRC mask (tensorflow/core/lib/hash/crc32c.h)
_MASK_DELTA = 0xA282EAD8
# wire type and field numbers of protocol buffers, and of the lists in the messages
# of tensorflow/core/example/example.proto and feature.proto
_BYTES = 2
_BYTES_LIST, _INT64_LIST = 1, 3


def frame_header(payload_bytes: int) -> bytes:
    """Return the frame header for a payload length in bytes."""
    length = struct.pack("<Q", payload_bytes)
    return length + frame_footer(crc32c.crc32c(length))


def frame_footer(payload_crc32c: int) -> bytes:
    """Return the frame footer: the masked CRC-32C of the payload."""
    rotated = (payload_crc32c >> 15) | (payload_crc32c << 17)
    return struct.pack("<I", (rotated + _MASK_DELTA) & 0xFFFFFFFF)


def encode_example_head(view_id: str, label: int, image_bytes: int) -> bytes:
    """Encode one view as a `tf.train.Example`, except for the image bytes, which follow."""
    features = b"".join(
        (
            _label_entry(label),
            _map_entry(b"view_id", _field(_BYTES_LIST, _field(1, view_id.encode()))),
            _image_head(image_bytes),
        )
    )
    return _head(1, len(features) + image_bytes) + features


@cache
def _label_entry(label: int) -> bytes:
    return _map_entry(b"label", _field(_INT64_LIST, _field(1, _varint(label))))


# raw images of a lake are of one size
@lru_cache(maxsize=1)
def _image_head(image_bytes: int) -> bytes:
    image = _head(1, image_bytes)
    image = _head(_BYTES_LIST, len(image) + image_bytes) + image
    image = _field(1, b"image") + _head(2, len(image) + image_bytes) + image
    return _head(1, len(image) + image_bytes) + image


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _field(number: int, content: bytes) -> bytes:
    return _head(number, len(content)) + content


def _head(number: int, content_bytes: int) -> bytes:
    return bytes((number << 3 | _BYTES,)) + _varint(content_bytes)


def _map_entry(key: bytes, feature: bytes) -> bytes:
    return _field(1, _field(1, key) + _field(2, feature))
