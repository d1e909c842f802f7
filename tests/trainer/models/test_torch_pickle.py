"""Files of tensors as PyTorch wrote them: read as they were, and refused if they hold more."""

import collections
import io
import os
import pickle
import struct
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from shared.errors import WeightsError
from trainer.models.networks.torch_pickle import read_tensors

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
VALUES = np.arange(24, dtype="<f4")


class Storage:
    """A storage's id, as PyTorch's own pickler writes it."""

    def __init__(self, kind: str, key: str, num_elements: int):
        self.kind, self.key, self.num_elements = kind, key, num_elements


class Call:
    """An object that a pickle makes by calling something."""

    def __init__(self, function: Any, *arguments: Any):
        self._reduced = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self._reduced


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, Storage):
            kind = getattr(sys.modules["torch"], obj.kind)
            return ("storage", kind, obj.key, "cpu", obj.num_elements, None)
        return None


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Names as PyTorch has them, so that pickles can be written that refer to them."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for module, name in (
        (torch, "FloatStorage"),
        (torch, "LongStorage"),
        (torch, "HalfStorage"),
        (utils, "_rebuild_tensor_v2"),
    ):
        setattr(module, name, type(name, (), {"__module__": module.__name__}))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return utils._rebuild_tensor_v2


def write(path: Path, content: Any, keys: Any, *storages: bytes) -> Path:
    buffer = io.BytesIO()
    facts = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {}}
    for thing in (MAGIC, PROTOCOL, facts, content, keys):
        _Pickler(buffer, 2).dump(thing)
    path.write_bytes(buffer.getvalue() + b"".join(storages))
    return path


def stored(values: Any) -> bytes:
    return struct.pack("<q", values.size) + values.tobytes()


def tensor(
    torch: Any,
    shape: tuple[Any, ...],
    strides: tuple[Any, ...],
    offset: Any = 0,
    storage: Storage | None = None,
) -> Call:
    storage = storage or Storage("FloatStorage", "7", VALUES.size)
    return Call(torch, storage, offset, shape, strides, False, collections.OrderedDict())


def test_tensors_are_read_in_their_shapes(torch: Any, tmp_path: Path) -> None:
    count = np.array([5], "<i8")
    content = collections.OrderedDict(
        plain=tensor(torch, (2, 3, 4), (12, 4, 1)),
        turned=tensor(torch, (4, 6), (1, 4)),
        part=tensor(torch, (3,), (2,), offset=10),
        count=tensor(torch, (), (), storage=Storage("LongStorage", "8", 1)),
    )
    content._metadata = {"version": 2}  # pyright: ignore[reportAttributeAccessIssue]  # as PyTorch does
    path = write(tmp_path / "weights.pth", content, ["8", "7"], stored(count), stored(VALUES))

    tensors = read_tensors(path)

    assert list(tensors) == ["plain", "turned", "part", "count"]
    np.testing.assert_array_equal(tensors["plain"], VALUES.reshape(2, 3, 4))
    np.testing.assert_array_equal(tensors["turned"], VALUES.reshape(6, 4).T)
    np.testing.assert_array_equal(tensors["part"], [10, 12, 14])
    assert tensors["count"] == 5
    assert {name: str(values.dtype) for name, values in tensors.items()} == {
        **dict.fromkeys(("plain", "turned", "part"), "float32"),
        "count": "int64",
    }


@pytest.mark.parametrize("place", ["magic", "tensors", "keys"])
@pytest.mark.parametrize("function", [os.mkdir, exec])
def test_what_is_called_is_refused_before_it_runs(
    torch: Any, tmp_path: Path, place: str, function: Any
) -> None:
    made = tmp_path / "made"
    call = Call(
        function, str(made) if function is os.mkdir else f"import os; os.mkdir({str(made)!r})"
    )
    content: Any = collections.OrderedDict(a=call if place == "tensors" else 0)
    path = write(tmp_path / "weights.pth", content, call if place == "keys" else ["7"])
    if place == "magic":
        path.write_bytes(pickle.dumps(call, 2) + path.read_bytes())
    with pytest.raises(WeightsError, match=r"only tensors\. Received: the global .*weights"):
        read_tensors(path)
    assert not made.exists()
    pickle.loads(pickle.dumps(call, 2))
    assert made.exists()


@pytest.mark.parametrize(
    "content",
    [
        lambda torch: {"a": tensor(torch, (24,), (1,))},
        lambda torch: collections.OrderedDict(a="text"),
        lambda torch: collections.OrderedDict({7: tensor(torch, (24,), (1,))}),
        lambda torch: collections.OrderedDict(a=tensor(torch, (25,), (1,))),
        lambda torch: collections.OrderedDict(a=tensor(torch, (24,), (1,), offset=1)),
        lambda torch: collections.OrderedDict(a=tensor(torch, (24,), (-1,), offset=23)),
        lambda torch: collections.OrderedDict(a=tensor(torch, (2**40,), (0,))),
        lambda torch: collections.OrderedDict(a=tensor(torch, (24,), (1.0,))),
        lambda torch: collections.OrderedDict(a=tensor(torch, (24,), (1, 1))),
        lambda torch: collections.OrderedDict(
            a=tensor(torch, (24,), (1,), storage=Storage("HalfStorage", "7", 24))
        ),
        lambda torch: collections.OrderedDict(
            a=tensor(torch, (24,), (1,), storage=Storage("FloatStorage", "6", 24))
        ),
        lambda torch: collections.OrderedDict(
            a=tensor(torch, (23,), (1,), storage=Storage("FloatStorage", "7", 23))
        ),
    ],
)
def test_what_is_no_tensor_of_its_storage_is_refused(
    torch: Any, tmp_path: Path, content: Any
) -> None:
    path = write(tmp_path / "weights.pth", content(torch), ["7"], stored(VALUES))
    with pytest.raises(WeightsError, match=r"Expected .* Received: .*weights\.pth$"):
        read_tensors(path)


def test_a_file_cut_short_anywhere_is_refused(torch: Any, tmp_path: Path) -> None:
    content = collections.OrderedDict(a=tensor(torch, (24,), (1,)))
    path = write(tmp_path / "weights.pth", content, ["7"], stored(VALUES))
    whole = path.read_bytes()
    assert list(read_tensors(path)) == ["a"]
    for num_bytes in range(len(whole)):
        path.write_bytes(whole[:num_bytes])
        with pytest.raises(WeightsError):
            read_tensors(path)


def test_a_number_that_would_take_all_memory_is_refused_before_any_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"\x80\x02]r\xff\xff\xff\x7f.")  # an empty list, numbered 2,147,483,647
    with pytest.raises(WeightsError, match="a memo index larger than the file"):
        read_tensors(path)


def test_tuples_that_share_tuples_are_not_compared_or_printed(torch: Any, tmp_path: Path) -> None:
    shared: Any = ("a",)
    for _ in range(60):
        shared = (shared, shared)
    content = collections.OrderedDict(a=tensor(torch, (24,), (1,)))
    for keys in ([shared, shared], shared):
        with pytest.raises(WeightsError, match="a storage key that is not a string"):
            read_tensors(write(tmp_path / "weights.pth", content, keys, stored(VALUES)))
    place = tensor(torch, shared, (1,))
    with pytest.raises(WeightsError):
        read_tensors(write(tmp_path / "weights.pth", {"a": place}, ["7"], stored(VALUES)))
