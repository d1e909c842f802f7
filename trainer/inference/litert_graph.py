"""Edit models in TensorFlow Lite's format: append operations and networks to a flatbuffer."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

_WIDTH_AXIS = 2
_FLOAT32 = schema.TensorType.FLOAT32
# the schema's class of options of each operation that has some
_OPTIONS = {
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "SOFTMAX": "SoftmaxOptions",
    "CONCATENATION": "ConcatenationOptions",
    "MEAN": "ReducerOptions",
}


class Graph:
    """The flatbuffer of a model for one image, to which operations are appended.

    Tensors are named by their numbers; `features` is that of the model's output.
    """

    def __init__(self, content: bytes):
        # the schema's annotations do not include None and arrays
        self._model: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
        # signatures name the tensors of the backbone
        self._model.signatureDefs = None
        (self._graph,) = self._model.subgraphs
        (self._image,), (self.features,) = self._graph.inputs, self._graph.outputs

    def add_network(self, content: bytes) -> int:
        """Apply another network to the same image; return its output tensor."""
        other: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
        (graph,) = other.subgraphs
        num_buffers, num_tensors = len(self._model.buffers), len(self._graph.tensors)
        num_codes = len(self._model.operatorCodes)
        for tensor in graph.tensors:
            tensor.buffer += num_buffers
        numbers = {number: num_tensors + number for number in range(len(graph.tensors))}
        numbers[graph.inputs[0]] = self._image
        for operator in graph.operators:
            operator.opcodeIndex += num_codes
            # -1 stands for an optional input that is absent
            operator.inputs = [numbers.get(tensor, tensor) for tensor in operator.inputs]
            operator.outputs = [numbers[tensor] for tensor in operator.outputs]
        self._model.buffers += other.buffers
        self._model.operatorCodes += other.operatorCodes
        self._graph.tensors += graph.tensors
        self._graph.operators += graph.operators
        return numbers[graph.outputs[0]]

    def concatenate(self, tensors: Sequence[int]) -> int:
        """Return the tensor of concatenated features, (1, n)."""
        widths = [self._describe(tensor)[0][1] for tensor in tensors]
        output = self._add_tensor((1, sum(widths)), _FLOAT32)
        return self._apply("CONCATENATION", tensors, output, axis=1)

    def embed_mirrored(self) -> int:
        """Apply the same network to the mirror image; return its output tensor."""
        operators, (shape, kind) = list(self._graph.operators), self._describe(self._image)
        axis = self._add_constant(np.array([_WIDTH_AXIS], np.int32))
        mirrored = self._apply("REVERSE_V2", [self._image, axis], self._add_tensor(shape, kind))
        copies = {self._image: mirrored}
        for operator in operators:
            twin = copy.copy(operator)
            twin.inputs = [copies.get(tensor, tensor) for tensor in operator.inputs]
            for tensor in operator.outputs:
                copies[tensor] = self._add_tensor(*self._describe(tensor))
            twin.outputs = [copies[tensor] for tensor in operator.outputs]
            self._graph.operators.append(twin)
        return copies[self.features]

    def add_head(
        self, features: int, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]
    ) -> int:
        """Return the tensor of probabilities, (1, outputs)."""
        num_outputs = len(bias)
        inputs = [features, *map(self._add_constant, (np.ascontiguousarray(kernel.T), bias))]
        logits, output = (self._add_tensor((1, num_outputs), _FLOAT32) for _ in range(2))
        self._apply("FULLY_CONNECTED", inputs, logits)
        if num_outputs == 1:
            return self._apply("LOGISTIC", [logits], output)
        return self._apply("SOFTMAX", [logits], output, beta=1.0)

    def add_mean(self, tensors: Sequence[int]) -> int:
        """Return the mean of tensors, (1, n)."""
        if len(tensors) == 1:
            return tensors[0]
        (_, width), _ = self._describe(tensors[0])
        rows = self._add_tensor((len(tensors), width), _FLOAT32)
        self._apply("CONCATENATION", tensors, rows, axis=0)
        axis = self._add_constant(np.array([0], np.int32))
        return self._apply("MEAN", [rows, axis], self._add_tensor((1, width), _FLOAT32), keepDims=1)

    def finish(self, *outputs: int) -> bytes:
        """Return the model with these output tensors."""
        self._graph.outputs = list(outputs)
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self._model))

    def _describe(self, tensor: int) -> tuple[tuple[int, ...], int]:
        described = self._graph.tensors[tensor]
        return tuple(described.shape), described.type

    def _apply(self, name: str, inputs: Sequence[int], output: int, **options: float) -> int:
        operator = schema.OperatorT()
        operator.opcodeIndex = self._find_operation(name)
        operator.inputs, operator.outputs = list(inputs), [output]
        if type_name := _OPTIONS.get(name):
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, type_name)
            operator.builtinOptions = getattr(schema, f"{type_name}T")()
            vars(operator.builtinOptions).update(options)
        self._graph.operators.append(operator)
        return output

    def _find_operation(self, name: str) -> int:
        number = getattr(schema.BuiltinOperator, name)
        codes = self._model.operatorCodes
        numbers = [code.builtinCode for code in codes]
        if number not in numbers:
            code = schema.OperatorCodeT()
            # operations below 127 are in both fields, for old readers
            code.builtinCode = code.deprecatedBuiltinCode = number
            code.version = 1
            codes.append(code)
            return len(codes) - 1
        return numbers.index(number)

    def _add_tensor(self, shape: Sequence[int], kind: int, buffer: int = 0) -> int:
        # the format reserves buffer 0 for tensors without constant values
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, buffer
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _add_constant(self, values: npt.NDArray[Any]) -> int:
        buffer: Any = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        kind = _FLOAT32 if values.dtype == np.float32 else schema.TensorType.INT32
        return self._add_tensor(values.shape, kind, len(self._model.buffers) - 1)
