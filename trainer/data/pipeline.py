"""tf.data pipelines that read views by offset; an epoch is a seeded permutation of rows."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from shared.lake.reader import ViewReader
from trainer.data.target import Targets

# Batches read and prefetched at once. Fixed, because TensorFlow 2.16's autotuning waits up to
# 160 ms whenever an iterator is deleted and slows training by up to 1.6 times.
PARALLEL_BATCHES = 2
shuffle = tf.random.experimental.stateless_shuffle  # pyright: ignore[reportAttributeAccessIssue]  # a lazy module


def shuffled_batches(
    reader: ViewReader, batch: int, seed: int, targets: Targets | None = None, first_epoch: int = 0
) -> tf.data.Dataset:
    """Return endless epochs of (images, labels); each view occurs once per epoch.

    Images are uint8 (batch, size, size, 1), labels float32 (batch, 1), or the columns of `targets`,
    with a row per view. No batch spans two epochs, so the last batch of an epoch may be smaller.
    Epoch n is the same permutation for the same seed; a resumed fit begins at `first_epoch`.
    """

    def epoch_rows(epoch: tf.Tensor) -> tf.data.Dataset:
        rows = shuffle(tf.range(len(reader), dtype=tf.int64), [seed, epoch])
        return tf.data.Dataset.from_tensor_slices(rows).batch(batch)

    rows = tf.data.Dataset.counter(first_epoch).flat_map(epoch_rows)
    return load_batches(rows, reader, reader.read, targets)


def ordered_batches(
    reader: ViewReader, batch: int, targets: Targets | None = None
) -> tf.data.Dataset:
    """Return one pass of batches as in `shuffled_batches`, in the order of the reader's rows."""
    rows = tf.data.Dataset.range(len(reader)).batch(batch)
    return load_batches(rows, reader, reader.read, targets)


def load_batches(
    batches: tf.data.Dataset,
    reader: ViewReader,
    load: Callable[..., Any],
    targets: Targets | None,
) -> tf.data.Dataset:
    """Return batches of (images, labels), as in `shuffled_batches`, in the order of `batches`.

    `load` returns the images of a batch from its parts, of which the last are the reader's rows.
    """
    columns = [tf.constant(column) for column in targets or (reader.labels[:, None],)]

    def load_batch(*parts: tf.Tensor) -> tuple[tf.Tensor, ...]:
        # with op determinism on, TensorFlow runs stateful functions one batch at a time
        images = tf.numpy_function(load, parts, tf.uint8, stateful=False)
        shaped = tf.ensure_shape(images, reader.batch_shape)
        return (shaped, *(tf.gather(column, parts[-1]) for column in columns))

    options = tf.data.Options()
    options.autotune.enabled = False
    loaded = batches.map(load_batch, num_parallel_calls=PARALLEL_BATCHES)
    return loaded.prefetch(PARALLEL_BATCHES).with_options(options)
