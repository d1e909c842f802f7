"""The payload of a record: a `tf.train.Example`, encoded without TensorFlow."""

from functools import cache, lru_cache

# wire type and field numbers of protocol buffers, and of the lists in feature.proto
# of the message in tensorflow/core/example/example.proto
_BYTES = 2
_BYTES_LIST, _INT64_LIST = 1, 3


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
