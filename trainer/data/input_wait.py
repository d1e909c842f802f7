"""InputWait: how long a step of training waits for its input."""

import time
from collections.abc import Iterator

import tensorflow as tf


class InputWait:
    """Sums up the time between asking a pipeline for a batch and having it.

    Attributes:
        seconds: waited so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def measure(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Return the same batches, in which each wait is counted.

        The clock runs in the pipeline's last stage, since Keras asks for batches inside of a graph.
        What is asked for ahead of need (by a strategy of several devices) counts in full.
        """
        asked = tf.data.Dataset.counter().map(
            lambda _: tf.numpy_function(time.monotonic, [], tf.float64)
        )

        def count(asked_s: tf.Tensor, batch: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            with tf.control_dependencies([tf.numpy_function(self._add, [asked_s], tf.float64)]):
                return tuple(tf.identity(part) for part in batch)

        options = tf.data.Options()
        options.autotune.enabled = False
        return tf.data.Dataset.zip(asked, batches).map(count).with_options(options)

    def iterate(self, batches: tf.data.Dataset) -> Iterator[tuple[tf.Tensor, ...]]:
        """Yield the batches of one pass; each wait is counted."""
        asked_s = time.monotonic()
        for batch in batches:
            self._add(asked_s)
            yield batch
            asked_s = time.monotonic()

    def _add(self, asked_s: float) -> float:
        self.seconds += time.monotonic() - asked_s
        return self.seconds
