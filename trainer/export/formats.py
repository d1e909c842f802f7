"""The graph of preprocessing and model, and its files as SavedModel, TFLite or ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from shared.errors import TrainingError
from shared.images.spec import ImageSpec
from trainer.export.preprocessing import prepare
from trainer.inference.conversion import convert_function, without_resizing

INPUT = "image"

# from images (batch, height, width, 1) to the model's outputs (batch, n)
PredictFunction = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]

_OPSET = 17


def build_graph(model: keras.Model, spec: ImageSpec, output: str) -> tf.Module:
    """Return a module with a function `serve` that predicts for images of any size.

    It takes `image`, uint8 (batch, height, width, 1), and returns a dictionary from `output` to
    float32 (batch, n).
    """
    module: Any = tf.Module()
    module.model = without_resizing(model)
    num_outputs = model.output_shape[-1]

    def serve(image: Any) -> dict[str, Any]:
        outputs = module.model(prepare(image, spec), training=False)
        return {output: tf.ensure_shape(outputs, (None, num_outputs))}

    signature = tf.TensorSpec((None, None, None, 1), tf.uint8, name=INPUT)
    module.serve = tf.function(serve, input_signature=[signature])
    return module


@dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        name: default name of the file or folder in the run folder.
        write: writes a module from `build_graph` to a path.
    """

    name: str
    write: Callable[[Any, Path], None]
    open: Callable[[Path], PredictFunction]
    packages: tuple[str, ...] = ()
    runtime: str = "tensorflow"

    def check_installed(self) -> None:
        """Raise TrainingError if a package to write this format is missing."""
        for package in self.packages:
            if find_spec(package) is None:
                raise TrainingError(
                    "Expected the packages for format=onnx: pip install 'mura-lake[onnx]'. "
                    f"Received: {package} is not installed"
                )

    @property
    def is_runnable(self) -> bool:
        """Whether the package to run the export is installed."""
        return find_spec(self.runtime) is not None


def _write_saved_model(module: Any, path: Path) -> None:
    # save to memory first: TensorFlow raises the same error for a full disk and a failed export
    memory_path = f"ram://{path.name}"
    try:
        tf.saved_model.save(module, memory_path, signatures={"serving_default": module.serve})
        for folder, _, names in tf.io.gfile.walk(memory_path):
            below = path / folder.removeprefix(memory_path).lstrip("/")
            below.mkdir(parents=True)
            for name in names:
                with tf.io.gfile.GFile(f"{folder}/{name}", "rb") as file:
                    (below / name).write_bytes(file.read())
    finally:
        tf.io.gfile.rmtree(memory_path)


def _open_saved_model(path: Path) -> PredictFunction:
    loaded: Any = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]

    def predict(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        (output,) = serve(**{INPUT: tf.constant(images)}).values()
        return output.numpy()

    return predict


def _write_tflite(module: Any, path: Path) -> None:
    path.write_bytes(convert_function(module.serve.get_concrete_function()))


def _open_tflite(path: Path) -> PredictFunction:
    # not by its name, which may not be UTF-8
    interpreter = tf.lite.Interpreter(model_content=path.read_bytes())
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()

    def predict(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        interpreter.resize_tensor_input(image["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(image["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(output["index"])

    return predict


def _write_onnx(module: Any, path: Path) -> None:
    import tf2onnx  # pyright: ignore[reportMissingTypeStubs]  # it has none

    tf2onnx.convert.from_function(  # pyright: ignore[reportUnknownMemberType]  # no stubs
        module.serve, module.serve.input_signature, opset=_OPSET, output_path=str(path)
    )


def _open_onnx(path: Path) -> PredictFunction:
    import onnxruntime  # pyright: ignore[reportMissingTypeStubs]  # it has none

    session: Any = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {INPUT: images})[0]


FORMATS = {
    "saved_model": Format("saved_model", _write_saved_model, _open_saved_model),
    "tflite": Format("export.tflite", _write_tflite, _open_tflite),
    "onnx": Format("export.onnx", _write_onnx, _open_onnx, ("onnx", "tf2onnx"), "onnxruntime"),
}
