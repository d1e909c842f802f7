"""Measure the time that training waits for input."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import tensorflow as tf

_Batch = TypeVar("_Batch")


class InputWait:
    """Sums the time between the request of a batch and its arrival."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def measure(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Return the same batches, with the wait for each one added to the total.

        Batches that a multi-device strategy prefetches count in full.
        """
        import tensorflow as tf

        # in the last stage of the pipeline, because Keras requests batches from inside a graph
        request_times = tf.data.Dataset.counter().map(
            lambda _: tf.numpy_function(time.monotonic, [], tf.float64)
        )

        def count(requested_s: tf.Tensor, batch: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            # stop the clock before the batch is passed on
            with tf.control_dependencies([tf.numpy_function(self._add, [requested_s], tf.float64)]):
                return tuple(tf.identity(part) for part in batch)

        options = tf.data.Options()
        options.autotune.enabled = False
        return tf.data.Dataset.zip(request_times, batches).map(count).with_options(options)

    def iterate(self, batches: Iterable[_Batch]) -> Iterator[_Batch]:
        """Yield the batches of one pass, with the wait for each one added to the total."""
        requested_s = time.monotonic()
        for batch in batches:
            self._add(requested_s)
            yield batch
            requested_s = time.monotonic()

    def _add(self, requested_s: float) -> float:
        self.seconds += time.monotonic() - requested_s
        return self.seconds
