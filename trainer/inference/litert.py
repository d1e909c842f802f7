"""Run TensorFlow Lite models on the CPU by LiteRT, without TensorFlow."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.images.pixels import Pixels
from trainer.data.map_ahead import map_ahead
from trainer.runs.hardware import count_threads
from trainer.silenced import silenced

Floats = npt.NDArray[np.float32]

_PACKAGE = "ai-edge-litert"
# batches per thread in advance; the limit bounds memory
_BATCHES_AHEAD = 3
# memory for copies of the weights: each interpreter holds them in the layout of its kernels
_MEMORY_BYTES = 2 * 1024**3


def litert_version() -> str:
    """Return the name and version of the installed LiteRT runtime."""
    return f"{_PACKAGE} {version(_PACKAGE)}"


class LiteRtModel:
    """A model from uint8 (batch, size, size, 1) to one or more float32 (batch, n), thread-safe.

    Outputs depend neither on the number of threads nor on the other images of a batch.

    Args:
        content: from `trainer.inference.conversion.convert`.
        num_threads: by default one for each core that this process may use.

    Raises:
        ValueError: the model is damaged, or has other inputs or outputs.
    """

    batch_views = 1

    def __init__(self, content: bytes, num_threads: int | None = None):
        num_threads = num_threads or count_threads()
        # Each core runs an interpreter of its own, one image at a time. One interpreter with
        # several threads, or with larger batches, is slower: activations no longer fit into the
        # caches.
        num_interpreters = max(1, min(num_threads, _MEMORY_BYTES // max(1, len(content))))
        self._make = partial(_Interpreter, content, num_threads // num_interpreters)
        self._idle: SimpleQueue[_Interpreter] = SimpleQueue()
        # the runtime writes a line to stderr when a process makes its first interpreter
        with silenced():
            first = self._make()
        self.input_shape = first.input_shape
        self.num_outputs, self.num_features = (*first.widths, 0)[:2]
        self._idle.put(first)
        self._pool = ThreadPoolExecutor(num_interpreters)
        self._num_ahead = num_interpreters * _BATCHES_AHEAD

    def predict(self, images: Pixels) -> Floats:
        """Return the outputs, float32 (rows, n), for uint8 images (rows, size, size, 1)."""
        rows = (images[row : row + 1] for row in range(len(images)))
        outputs = [outputs for outputs, *_ in self.predict_batches(rows)]
        return np.concatenate([np.empty((0, self.num_outputs), np.float32), *outputs])

    def predict_batches(self, batches: Iterable[Pixels]) -> Iterator[list[Floats]]:
        """Yield all outputs of each batch, each (rows, n), in order.

        Threads predict some batches in advance.
        """
        return map_ahead(self._pool, self._predict, batches, self._num_ahead)

    def _predict(self, images: Pixels) -> list[Floats]:
        try:
            interpreter = self._idle.get_nowait()
        except Empty:
            interpreter = self._make()
        try:
            return [*map(np.stack, zip(*map(interpreter.run, images), strict=True))]
        finally:
            self._idle.put(interpreter)


class _Interpreter:
    def __init__(self, content: bytes, num_threads: int):
        # late, because commands that only train on images do not need it
        from ai_edge_litert.interpreter import Interpreter

        try:
            self._interpreter: Any = Interpreter(model_content=content, num_threads=num_threads)
            (source,) = self._interpreter.get_input_details()
            targets = self._interpreter.get_output_details()
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"LiteRT cannot load it: {' '.join(str(error).split())}") from None
        kinds = {target["dtype"].__name__ for target in targets}
        if source["dtype"] is not np.uint8 or kinds != {"float32"}:
            raise ValueError(
                "Expected a model from uint8 to float32. "
                f"Received: {source['dtype'].__name__} to {', '.join(sorted(kinds))}"
            )
        self._source = source["index"]
        self._targets: list[int] = [target["index"] for target in targets]
        self.input_shape = tuple(source["shape"].tolist())
        self.widths = tuple(int(target["shape"][-1]) for target in targets)

    def run(self, image: Pixels) -> list[Floats]:
        self._interpreter.set_tensor(self._source, image[None])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(target)[0] for target in self._targets]
