"""Sequential: the views of an epoch as TFRecordDataset gives them, mixed over all shards at once.

For shards that cannot be read by offset, which is faster and shuffles freely (`trainer.stream`).
"""

from typing import Any

import numpy as np
import polars as pl
import tensorflow as tf

from shared.image_spec import ImageSpec
from shared.lake import Lake
from trainer.target import Truth

_WAITING_RECORDS = 2_000
"""Records that wait, over all shards, to be drawn: neighbours in a shard are of one patient."""
_PARALLEL_BATCHES = 2
_FEATURES = {"image": tf.io.FixedLenFeature([], tf.string)}


def sequential_batches(
    lake: Lake,
    views: pl.DataFrame,
    batch: int,
    seed: int,
    truth: Truth | None = None,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Return endless epochs of (images, labels) as `trainer.stream.shuffled_batches` does.

    A shard has views of one label and body part. So the shard of each next view is drawn from a
    seeded permutation in which every shard stands as often as it has views: any window of an epoch
    has the epoch's mix, up to sampling error, from the first batch to the last.

    Args:
        lake: where the shards are.
        views: rows of its manifest.
        batch: views in a batch; the last of an epoch may be smaller.
        seed: epoch n is the same for the same seed.
        truth: what stands beside the images, a row a view, the same for all views of one label and
            body part; the labels unless told otherwise.
        first_epoch: those before are read, but not given.
    """
    truth = truth or (views["label"].to_numpy().astype(np.float32)[:, None],)
    rows = views.with_row_index("row").group_by("shard").agg("record_index", pl.col("row").first())
    shards = rows.sort("shard")
    waiting = max(2, _WAITING_RECORDS // shards.height)
    members = shards["record_index"].to_list()
    truths = [tuple(column[row] for column in truth) for row in shards["row"]]
    datasets = [
        _records(lake.store.where(shard), numbers, shard_truth).shuffle(waiting, seed).repeat()
        for shard, numbers, shard_truth in zip(shards["shard"], members, truths, strict=True)
    ]
    owners = tf.repeat(tf.range(len(datasets), dtype=tf.int64), [len(rows) for rows in members])

    def turns(epoch: tf.Tensor) -> tf.data.Dataset:
        shuffle = tf.random.experimental.stateless_shuffle  # pyright: ignore[reportAttributeAccessIssue]  # a lazy module
        return tf.data.Dataset.from_tensor_slices(shuffle(owners, [seed, epoch]))

    options = tf.data.Options()
    options.autotune.enabled = False
    mixed = tf.data.Dataset.choose_from_datasets(
        datasets, tf.data.Dataset.counter().flat_map(turns), stop_on_empty_dataset=False
    )
    num_batches = -(-views.height // batch)
    batches = _batch_by_epoch(mixed, views.height, batch).skip(first_epoch * num_batches)
    parsed = batches.map(
        lambda records, *truth: (_parse(records, lake.image), *truth), _PARALLEL_BATCHES
    )
    return parsed.prefetch(_PARALLEL_BATCHES).with_options(options)


def _batch_by_epoch(records: tf.data.Dataset, num_views: int, batch: int) -> tf.data.Dataset:
    """Batch an endless stream so that no batch has records of two epochs."""
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


def _records(path: str, members: list[int], truth: Truth) -> tf.data.Dataset:
    """Return the records of a shard whose numbers are in `members`, each with the shard's truth."""
    wanted_numbers = tf.constant(members, tf.int64)
    numbered = tf.data.TFRecordDataset(path).enumerate()
    wanted = numbered.filter(lambda number, _: tf.reduce_any(tf.equal(wanted_numbers, number)))  # pyright: ignore[reportArgumentType]  # an element's parts are handed over one by one
    constants = [tf.constant(value) for value in truth]
    return wanted.map(lambda _, record: (record, *constants))


def _parse(records: tf.Tensor, image: ImageSpec) -> tf.Tensor:
    examples: Any = tf.io.parse_example(records, _FEATURES)
    shape = (-1, image.size, image.size, 1)
    if image.encoding == "raw":
        return tf.reshape(tf.io.decode_raw(examples["image"], tf.uint8), shape)
    return tf.map_fn(
        lambda stored: tf.io.decode_image(stored, channels=1, expand_animations=False),
        examples["image"],
        fn_output_signature=tf.TensorSpec(shape[1:], tf.uint8),
    )
