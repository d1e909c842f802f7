"""Our records and TensorFlow's are the same format, both ways, and damage does not go unseen."""

from pathlib import Path

import crc32c
import pytest

from shared.errors import CorruptLakeError
from shared.lake.tfrecord import (
    FRAME_HEADER_BYTES,
    Record,
    encode_example_head,
    frame_footer,
    frame_header,
    read_records,
)

VIEW_ID = "train/XR_WRIST/patient00012/study1_positive/image1.png"
IMAGE = bytes(range(256)) * 4


def frame(payload: bytes) -> bytes:
    return frame_header(len(payload)) + payload + frame_footer(crc32c.crc32c(payload))


def example(image: bytes, label: int) -> bytes:
    return encode_example_head(VIEW_ID, label, len(image)) + image


def _read(path: Path) -> list[Record]:
    with path.open("rb") as shard:
        return list(read_records(shard, str(path)))


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


def test_every_flipped_byte_of_a_record_is_found(tmp_path: Path) -> None:
    path = tmp_path / "shard.tfrecord"
    record = frame(example(IMAGE[:40], 1))
    for index in range(len(record)):
        damaged = bytearray(record)
        damaged[index] ^= 1 << (index % 8)
        path.write_bytes(damaged)
        with pytest.raises(CorruptLakeError, match="shard"):
            _read(path)


def test_every_cut_of_a_record_is_found(tmp_path: Path) -> None:
    path = tmp_path / "shard.tfrecord"
    record = frame(example(b"pixels", 1))
    for length in range(1, len(record)):
        path.write_bytes(record[:length])
        with pytest.raises(CorruptLakeError):
            _read(path)
