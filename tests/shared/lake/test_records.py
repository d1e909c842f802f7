"""Our records and TensorFlow's are the same format, both ways, and damage does not go unseen."""

from pathlib import Path

import crc32c
import polars as pl
import pytest

from shared.errors import CorruptLakeError
from shared.lake.shard_rows import check_content
from shared.lake.tfrecord import (
    FRAME_FOOTER_BYTES,
    FRAME_HEADER_BYTES,
    encode_example_head,
    frame_footer,
    frame_header,
)
from shared.storage.atomic import ShardDigester, digest

VIEW_ID = "train/XR_WRIST/patient00012/study1_positive/image1.png"
IMAGE = bytes(range(256)) * 4


def frame(payload: bytes) -> bytes:
    return frame_header(len(payload)) + payload + frame_footer(crc32c.crc32c(payload))


def example(image: bytes, label: int) -> bytes:
    return encode_example_head(VIEW_ID, label, len(image)) + image


def _check(shard: bytes | bytearray, whole: bytes, image: bytes) -> None:
    """Check a shard of one record against the manifest row of the whole record."""
    image_offset = len(whole) - FRAME_FOOTER_BYTES - len(image)
    content = ShardDigester()
    content.add(whole[FRAME_HEADER_BYTES:image_offset], digest(image))
    row = {
        "view_id": VIEW_ID,
        "record_index": 0,
        "record_offset": 0,
        "record_crc32c": crc32c.crc32c(whole[FRAME_HEADER_BYTES:-FRAME_FOOTER_BYTES]),
        "image_offset": image_offset,
        "end": len(whole),
    }
    check_content(memoryview(shard), pl.DataFrame([row]), content.finish(), "the shard")


@pytest.mark.slow
def test_tensorflow_reads_what_was_written(tmp_path: Path) -> None:
    import tensorflow as tf

    path = tmp_path / "ours.tfrecord"
    images = [b"", b"\x00", IMAGE, IMAGE * 99]
    path.write_bytes(b"".join(frame(example(image, 1)) for image in images))

    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "view_id": tf.io.FixedLenFeature([], tf.string),
    }
    parsed = [
        tf.io.parse_single_example(record, features)
        for record in tf.data.TFRecordDataset(str(path))
    ]
    assert [features["image"].numpy() for features in parsed] == images
    assert {int(features["label"]) for features in parsed} == {1}
    assert {features["view_id"].numpy().decode() for features in parsed} == {VIEW_ID}


def test_pixels_begin_where_it_is_said() -> None:
    payload = example(IMAGE, 0)
    image_start = len(payload) - len(IMAGE)
    assert payload[image_start:] == IMAGE
    record = frame(payload)
    assert record[FRAME_HEADER_BYTES + image_start :][: len(IMAGE)] == IMAGE


def test_every_flipped_byte_of_a_record_is_found() -> None:
    image = IMAGE[:40]
    record = frame(example(image, 1))
    _check(record, record, image)
    for index in range(len(record)):
        damaged = bytearray(record)
        damaged[index] ^= 1 << (index % 8)
        with pytest.raises(CorruptLakeError, match="the record differs from the manifest"):
            _check(damaged, record, image)


def test_every_cut_of_a_record_is_found() -> None:
    image = b"pixels"
    record = frame(example(image, 1))
    for length in range(len(record)):
        with pytest.raises(CorruptLakeError, match=f"{len(record)} bytes, received {length};"):
            _check(record[:length], record, image)
