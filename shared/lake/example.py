"""Encoder and decoder for `tf.train.Example` payloads, without TensorFlow.

The message is defined in tensorflow/core/example/example.proto.
"""

from collections.abc import Iterator

from shared.errors import CorruptLakeError

Buffer = bytes | memoryview
Feature = list[bytes] | list[int]

# wire types of the protocol buffer encoding
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# field numbers of the lists in tensorflow/core/example/feature.proto
_BYTES_LIST, _INT64_LIST = 1, 3


def encode_example_head(view_id: str, label: int, image_bytes: int) -> bytes:
    """Encode one view as a `tf.train.Example`, except for the image bytes, which follow.

    Args:
        view_id: Path of the view inside MURA.
        label: 0 or 1.
        image_bytes: Number of image bytes that follow.
    """
    image = _head(1, image_bytes)
    image = _head(_BYTES_LIST, len(image) + image_bytes) + image
    image = _field(1, b"image") + _head(2, len(image) + image_bytes) + image
    features = b"".join(
        (
            _map_entry(b"label", _field(_INT64_LIST, _field(1, _varint(label)))),
            _map_entry(b"view_id", _field(_BYTES_LIST, _field(1, view_id.encode()))),
            _head(1, len(image) + image_bytes),
            image,
        )
    )
    return _head(1, len(features) + image_bytes) + features


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


def decode_example(payload: Buffer) -> dict[str, Feature]:
    """Decode a `tf.train.Example` of bytes and int64 features, in any order, packed or not.

    Raises:
        CorruptLakeError: The payload is not a valid message.
    """
    try:
        return dict(
            _decode_map_entry(entry)
            for _, features in _fields(memoryview(payload))
            for _, entry in _fields(_as_bytes(features))
        )
    except (IndexError, UnicodeDecodeError, ValueError, KeyError) as error:
        raise CorruptLakeError(f"Expected a tf.train.Example. Received: {error!r}") from None


def _decode_map_entry(entry: memoryview | int) -> tuple[str, Feature]:
    parts = dict(_fields(_as_bytes(entry)))
    values: Feature = []
    for kind, content in _fields(_as_bytes(parts[2])):
        values = _decode_bytes(content) if kind == _BYTES_LIST else _decode_int64(content, kind)
    return str(_as_bytes(parts[1]), "utf-8"), values


def _decode_bytes(content: memoryview | int) -> list[bytes]:
    return [bytes(_as_bytes(value)) for _, value in _fields(_as_bytes(content))]


def _decode_int64(content: memoryview | int, kind: int) -> list[int]:
    if kind != _INT64_LIST:
        raise ValueError(f"a feature of kind {kind}")
    values: list[int] = []
    for _, value in _fields(_as_bytes(content)):
        if isinstance(value, int):
            values.append(_signed(value))
            continue
        offset = 0
        while offset < len(value):
            number, offset = _decode_varint(value, offset)
            values.append(_signed(number))
    return values


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _as_bytes(content: memoryview | int) -> memoryview:
    if isinstance(content, int):
        raise ValueError("a number where bytes were expected")
    return content


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yield the number and content of each field of a protocol buffer message."""
    offset = 0
    while offset < len(message):
        tag, offset = _decode_varint(message, offset)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            content, offset = _decode_varint(message, offset)
        else:
            if wire == _BYTES:
                length, offset = _decode_varint(message, offset)
            else:
                length = {_FIXED64: 8, _FIXED32: 4}[wire]
            content, offset = message[offset : offset + length], offset + length
            if len(content) != length:
                raise ValueError(f"a field of {length} bytes where {len(content)} are left")
        yield number, content


def _decode_varint(message: memoryview, offset: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[offset]
        value, offset, shift = value | (byte & 0x7F) << shift, offset + 1, shift + 7
        if byte < 0x80:
            return value, offset
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
