"""tf.data pipeline that reads shards sequentially, in object stores through tensorflow-io."""

import os
import sys
from importlib import import_module
from typing import Any

import tensorflow as tf

from shared.errors import UsageError
from shared.lake.reader import ViewReader
from shared.storage.object_store.connection import read_s3_settings
from trainer.data.pipeline import load_batches, shuffle
from trainer.data.target import Targets

# Total size of the shuffle buffers, in records. Neighbouring records of a shard belong to the same
# patient, so they must be mixed.
_SHUFFLE_RECORDS = 2_000
_SILENCE_TIMEOUT_MS = 10_000
_CONNECT_TIMEOUT_MS = 5_000


def sequential_batches(
    reader: ViewReader, batch: int, seed: int, targets: Targets | None = None, first_epoch: int = 0
) -> tf.data.Dataset:
    """Return endless epochs of (images, labels) as `trainer.data.pipeline.shuffled_batches` does.

    For shards that cannot be read by offset: `shuffled_batches` is faster and shuffles fully. Every
    record is checked against the manifest.
    """
    mixed = _mix_shards(reader, seed)
    num_batches = -(-len(reader) // batch)
    # earlier epochs are read and skipped
    batches = _batch_by_epoch(mixed, len(reader), batch).skip(first_epoch * num_batches)
    # `take` reads records by offset that are damaged, or missing because the stream was interrupted
    return load_batches(batches, reader, reader.take, targets)


def _mix_shards(reader: ViewReader, seed: int) -> tf.data.Dataset:
    """Return endless epochs of (record, row)."""
    if reader.is_remote:
        _load_object_stores()
    rows = reader.places.with_row_index("row", 0).sort("where", "record_index")
    shards = rows.group_by("where", maintain_order=True).agg("record_index", "row")
    buffer_size = max(2, _SHUFFLE_RECORDS // shards.height)
    datasets = [
        _records(where, numbers, row_numbers, reader.is_remote).shuffle(buffer_size, seed).repeat()
        for where, numbers, row_numbers in shards.iter_rows()
    ]
    counts = shards["row"].list.len().to_list()
    # All views of a shard have the same label and body part. So a seeded permutation chooses the
    # shard of each next view, with each shard as often as it has views: every part of an epoch has
    # the same mix of classes, up to sampling error.
    shard_of_view = tf.repeat(tf.range(len(datasets), dtype=tf.int64), counts)

    def shard_order(epoch: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(shuffle(shard_of_view, [seed, epoch]))

    order = tf.data.Dataset.counter().flat_map(shard_order)
    return tf.data.Dataset.choose_from_datasets(datasets, order, stop_on_empty_dataset=False)


def _batch_by_epoch(records: tf.data.Dataset, num_views: int, batch: int) -> tf.data.Dataset:
    """Batch an endless stream so that no batch spans two epochs."""
    num_batches = -(-num_views // batch)

    def batch_number(*record_and_number: Any) -> Any:
        number = record_and_number[1]
        return number // num_views * num_batches + number % num_views // batch

    def batch_size(number: Any) -> Any:
        return tf.minimum(tf.cast(batch, tf.int64), num_views - number % num_batches * batch)

    numbered = tf.data.Dataset.zip(records, tf.data.Dataset.counter())
    return numbered.group_by_window(
        batch_number,
        lambda _, window: window.map(lambda record, _: record).batch(batch),
        window_size_func=batch_size,
    )


def _records(where: str, numbers: list[int], rows: list[int], is_remote: bool) -> tf.data.Dataset:
    """Return (record, row) for the given record numbers of a shard, in ascending order."""
    record_numbers = tf.constant(numbers, tf.int64)
    stream = tf.data.TFRecordDataset(where)
    if is_remote:
        # a broken stream ends early; its missing records are read by offset later
        stream = stream.ignore_errors()
    numbered = stream.enumerate()
    selected = numbered.filter(lambda number, _: tf.reduce_any(tf.equal(record_numbers, number)))  # pyright: ignore[reportArgumentType]  # an element's parts are handed over one by one
    # empty records replace the missing ones, so that each row keeps its place
    padding = tf.data.Dataset.from_tensors(tf.constant(b"")).repeat()
    records = selected.map(lambda _, record: record).concatenate(padding)
    return tf.data.Dataset.zip(
        records, tf.data.Dataset.from_tensor_slices(tf.constant(rows, tf.int64))
    )


def _load_object_stores() -> None:
    """Register `s3://` with TensorFlow, with the same environment settings as pyarrow."""
    if sys.platform == "win32":
        raise UsageError(
            "Expected cache= or reader=offset, because TensorFlow reads no object store on "
            "Windows. Received: neither"
        )
    # tensorflow-io's S3 client accepts truncated responses as complete, so every record must be
    # verified. It caches up to 127 MiB of each open file in memory. Its threads abort the process
    # at exit, so a command that has loaded it skips the normal exit (`shared.exit_status`).
    settings = read_s3_settings()
    variables = {
        "AWS_REGION": settings.region,
        "S3_ENDPOINT": settings.endpoint,
        "S3_USE_HTTPS": str(int(settings.uses_tls)),
        "S3_VERIFY_SSL": str(int(settings.uses_tls)),
        # multi-part downloads also accept a response that was cut off and sent again, and retry an
        # unresponsive server four times as long
        "S3_DISABLE_MULTI_PART_DOWNLOAD": "1",
        "S3_REQUEST_TIMEOUT_MSEC": str(_SILENCE_TIMEOUT_MS),
        "S3_CONNECT_TIMEOUT_MSEC": str(_CONNECT_TIMEOUT_MS),
    }
    for name, value in variables.items():
        if value:
            # variables set by the user take precedence
            os.environ.setdefault(name, value)
    import_module("tensorflow_io")
