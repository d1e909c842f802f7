"""tf.data pipeline that reads shards sequentially with TFRecordDataset.

For shards that cannot be read by offset; `trainer.data.pipeline` is faster and shuffles fully.
"""

from typing import Any

import tensorflow as tf

from shared.lake.reader import ViewReader
from trainer.data.pipeline import map_batches, shuffle
from trainer.data.target import Targets
from trainer.data.tensorflow_io import load_object_stores

# Total size of the shuffle buffers, in records. Neighbouring records of a shard belong to the same
# patient, so they must be mixed.
_SHUFFLE_RECORDS = 2_000


def sequential_batches(
    reader: ViewReader,
    batch: int,
    seed: int,
    targets: Targets | None = None,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Return endless epochs of (images, labels) as `trainer.data.pipeline.shuffled_batches` does.

    All views of a shard have the same label and body part. So a seeded permutation chooses the
    shard of each next view, with each shard as often as it has views: every part of an epoch has
    the same mix of classes, up to sampling error.

    Every record is checked against the manifest. Records that are damaged, or missing because the
    stream was interrupted, are read by offset.

    Args:
        batch: views per batch; the last batch of an epoch may be smaller.
        seed: epoch n is the same for the same seed.
        targets: columns that replace the labels, one row per view.
        first_epoch: earlier epochs are read and skipped.
    """
    mixed = _mix_shards(reader, seed)
    num_batches = -(-len(reader) // batch)
    batches = _batch_by_epoch(mixed, len(reader), batch).skip(first_epoch * num_batches)
    columns = [tf.constant(column) for column in targets or (reader.labels[:, None],)]

    def check(records: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, ...]:
        images = tf.numpy_function(reader.take, [records, rows], tf.uint8, stateful=False)
        shaped = tf.ensure_shape(images, reader.batch_shape)
        return (shaped, *(tf.gather(column, rows) for column in columns))

    return map_batches(batches, check)


def _mix_shards(reader: ViewReader, seed: int) -> tf.data.Dataset:
    """Return endless epochs of (record, row): a permutation selects the shard of each next view."""
    if reader.is_remote:
        load_object_stores()
    rows = reader.places.with_row_index("row", 0).sort("where", "record_index")
    shards = rows.group_by("where", maintain_order=True).agg("record_index", "row")
    buffer_size = max(2, _SHUFFLE_RECORDS // shards.height)
    datasets = [
        _records(where, numbers, row_numbers, reader.is_remote).shuffle(buffer_size, seed).repeat()
        for where, numbers, row_numbers in shards.iter_rows()
    ]
    counts = shards["row"].list.len().to_list()
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
    """Return (record, row) for the given record numbers of a shard, in ascending order.

    Records that cannot be read are empty.
    """
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
