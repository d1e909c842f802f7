"""Sequential: the views of an epoch as TFRecordDataset gives them, mixed over all shards at once.

For shards that cannot be read by offset, which is faster and shuffles freely (`trainer.stream`).
"""

from typing import Any

import polars as pl
import tensorflow as tf

from shared.image_spec import ImageSpec
from shared.lake import Lake

_SHUFFLE_RECORDS = 8
"""Records of each shard that wait to be drawn: neighbours in a shard are of one patient."""
_PARALLEL_BATCHES = 2
_FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
}


def sequential_batches(lake: Lake, views: pl.DataFrame, batch: int, seed: int) -> tf.data.Dataset:
    """Return endless epochs of (images, labels) as `trainer.stream.shuffled_batches` does.

    A shard has views of one label and body part. So the shard of each next view is drawn from a
    seeded permutation in which every shard stands as often as it has views: any window of an epoch
    has the epoch's mix, up to sampling error, from the first batch to the last.

    Args:
        lake: where the shards are.
        views: rows of its manifest.
        batch: views in a batch; the last of an epoch may be smaller.
        seed: epoch n is the same for the same seed.
    """
    shards = views.group_by("shard").agg("record_index").sort("shard")
    paths = [str(lake.root / shard) for shard in shards["shard"]]
    members = [tf.constant(sorted(rows), tf.int64) for rows in shards["record_index"].to_list()]
    owners = tf.repeat(tf.range(len(paths), dtype=tf.int64), [len(rows) for rows in members])

    def epoch_records(epoch: tf.Tensor) -> tf.data.Dataset:
        shuffle = tf.random.experimental.stateless_shuffle  # pyright: ignore[reportAttributeAccessIssue]  # a lazy module
        turns = tf.data.Dataset.from_tensor_slices(shuffle(owners, [seed, epoch]))
        datasets = [
            _records(path, rows).shuffle(_SHUFFLE_RECORDS, seed + epoch)  # pyright: ignore[reportArgumentType]  # a tensor is allowed
            for path, rows in zip(paths, members, strict=True)
        ]
        mixed = tf.data.Dataset.choose_from_datasets(datasets, turns, stop_on_empty_dataset=False)
        return mixed.batch(batch)

    options = tf.data.Options()
    options.autotune.enabled = False
    batches = tf.data.Dataset.counter().flat_map(epoch_records)
    parsed = batches.map(lambda records: _parse(records, lake.image), _PARALLEL_BATCHES)
    return parsed.prefetch(_PARALLEL_BATCHES).with_options(options)


def _records(path: str, members: tf.Tensor) -> tf.data.Dataset:
    """Return the records of a shard whose numbers are in `members`, ascending."""
    numbered = tf.data.TFRecordDataset(path).enumerate()
    wanted = numbered.filter(lambda number, _: tf.reduce_any(tf.equal(members, number)))  # pyright: ignore[reportArgumentType]  # an element's parts are handed over one by one
    return wanted.map(lambda _, record: record)


def _parse(records: tf.Tensor, image: ImageSpec) -> tuple[tf.Tensor, tf.Tensor]:
    examples: Any = tf.io.parse_example(records, _FEATURES)
    shape = (-1, image.size, image.size, 1)
    if image.encoding == "raw":
        images = tf.reshape(tf.io.decode_raw(examples["image"], tf.uint8), shape)
    else:
        images = tf.map_fn(
            lambda stored: tf.io.decode_image(stored, channels=1, expand_animations=False),
            examples["image"],
            fn_output_signature=tf.TensorSpec(shape[1:], tf.uint8),
        )
    return images, tf.cast(examples["label"], tf.float32)[:, None]
