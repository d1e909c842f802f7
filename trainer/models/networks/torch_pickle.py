"""Read the tensors of a legacy PyTorch file without PyTorch, and without running code from it."""

import io
import math
import pickle
import pickletools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from shared.errors import WeightsError

Tensor = npt.NDArray[np.float32] | npt.NDArray[np.int64]

# MAGIC_NUMBER and PROTOCOL_VERSION of torch/serialization.py
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_LENGTH_DTYPE = np.dtype("<i8")
# opcodes that store an object in the memo at an explicit index
_MEMO_OPCODES = ("PUT", "BINPUT", "LONG_BINPUT")


class _Storage(NamedTuple):
    dtype: np.dtype[Any]
    num_elements: int


class _TensorLocation(NamedTuple):
    # counted in elements, and not validated yet
    storage: Any
    offset: Any
    shape: Any
    strides: Any


class _OrderedDict(dict[Any, Any]):
    # PyTorch's state, the versions of modules, is ignored
    def __setstate__(self, state: object) -> None: ...


def _rebuild_tensor(
    storage: Any, offset: Any, shape: Any, strides: Any, *_: Any
) -> _TensorLocation:
    return _TensorLocation(storage, offset, shape, strides)


# A pickle can call any function of any installed package. Only these names of a file of tensors are
# accepted, and replaced by own types; any other name is rejected before its import.
_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO):
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise WeightsError(
                f"Expected only tensors. Received: the global {module_name}.{global_name}"
            ) from None

    def persistent_load(self, pid: Any) -> str:
        kind, dtype, key, _, num_elements, view = pid
        # check types first: comparing or printing nested shared tuples can take exponential time
        if type(kind) is not str or type(key) is not str or type(num_elements) is not int:
            raise ValueError("invalid types in the description of a storage")
        if kind != "storage" or view is not None or num_elements < 0:
            raise ValueError("an unsupported kind of storage")
        if not isinstance(dtype, np.dtype):
            raise ValueError("an unsupported element type")
        storage = _Storage(dtype, num_elements)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"contradictory descriptions of storage {key!r}")
        return key


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors by name, float32 or int64, of a file by PyTorch before version 1.6.

    Raises:
        WeightsError: it contains other objects, or is damaged; none of its code has run.
    """
    try:
        return _read(path.read_bytes())
    except WeightsError as error:
        raise WeightsError(f"{error} in {path}") from None
    except Exception as error:  # a damaged pickle can raise any exception
        raise WeightsError(
            f"Expected a legacy PyTorch file of tensors. Received: {error!r} in {path}"
        ) from None


def _read(data: bytes) -> dict[str, Tensor]:
    # The format of `_legacy_save` in torch/serialization.py: pickles of a magic number, the
    # protocol version, properties of the machine, the location of each tensor in its storage, and
    # the storage keys; then each storage, preceded by its number of elements (int64).
    file = io.BytesIO(data)
    if (_load(file), _load(file)) != (_MAGIC, _PROTOCOL) or not _load(file)["little_endian"]:
        raise ValueError("unknown magic number, version or byte order")
    _check_memo(file)
    unpickler = _Unpickler(file)
    locations = unpickler.load()
    if type(locations) is not _OrderedDict:
        raise ValueError(f"{type(locations).__name__} instead of an OrderedDict")
    storages = _read_storages(file, _load(file), unpickler.storages)
    return {name: _gather(name, location, storages) for name, location in locations.items()}


def _load(file: io.BytesIO) -> Any:
    _check_memo(file)
    return _Unpickler(file).load()


def _check_memo(file: io.BytesIO) -> None:
    # the unpickler allocates memory up to a memo index, however large
    start = file.tell()
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in _MEMO_OPCODES and int(argument or 0) > len(file.getbuffer()):
            raise ValueError("a memo index larger than the file")
    file.seek(start)


def _read_storages(
    file: io.BytesIO, keys: Any, storages: Mapping[str, _Storage]
) -> dict[str, npt.NDArray[Any]]:
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("a storage key that is not a string")
    if sorted(keys) != sorted(storages):
        raise ValueError("storage keys that differ from those of the tensors")
    return {key: _read_storage(file, storages[key]) for key in keys}


def _read_storage(file: io.BytesIO, storage: _Storage) -> npt.NDArray[Any]:
    lengths = np.frombuffer(file.read(_LENGTH_DTYPE.itemsize), _LENGTH_DTYPE)
    if lengths.tolist() != [storage.num_elements]:
        raise ValueError("an unexpected number of elements in a storage")
    content = file.read(storage.num_elements * storage.dtype.itemsize)
    return np.frombuffer(content, storage.dtype, storage.num_elements)


def _gather(name: Any, location: Any, storages: Mapping[str, npt.NDArray[Any]]) -> Tensor:
    if type(name) is not str or type(location) is not _TensorLocation:
        raise WeightsError(f"Expected only tensors. Received: {type(location)}")
    values, shape, strides = storages[location.storage], location.shape, location.strides
    numbers = (location.offset, *shape, *strides)
    if any(type(number) is not int or number < 0 for number in numbers):
        raise ValueError(f"invalid offset, shape or strides of {name}")
    ends = [(size - 1) * stride for size, stride in zip(shape, strides, strict=True)]
    last = location.offset + sum(ends)
    if max(last + 1, math.prod(shape)) > len(values) or 0 in shape:
        raise ValueError(f"{name} exceeds its storage")
    steps = [stride * values.itemsize for stride in strides]
    # as_strided does not check bounds: they are checked above
    return np.lib.stride_tricks.as_strided(values[location.offset :], shape, steps).copy()
