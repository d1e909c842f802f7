"""Load Keras models, and reject files that expand far beyond their size or refer to other files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py

from trainer.keras_import import keras

_MAX_BYTES = 4 * 1024**3
# Accepted ratio of an array or archive member to its file: Keras compresses neither, and trained
# floating-point weights hardly compress.
_MAX_EXPANSION = 4
# added to the limit, because small files may have a larger ratio
_SPARE_BYTES = 1 << 20


def load_model(path: Path, size_px: int, num_outputs: int) -> keras.Model:
    """Load a run's model; raise ValueError for a damaged file, or other inputs or outputs."""
    check_sizes(path)
    untyped: Any = keras.models
    try:
        # safe_mode refuses serialized lambdas, which can run any code
        model = untyped.load_model(path, compile=False, safe_mode=True)
        shapes = (tuple(model.input_shape), tuple(model.output_shape), model.input.dtype)
    except MemoryError:
        raise
    except Exception as error:  # Keras raises many types for a damaged file
        raise ValueError(f"Keras cannot load it: {error or type(error).__name__}") from None
    expected = ((None, size_px, size_px, 1), (None, num_outputs), "uint8")
    if shapes != expected:
        raise ValueError(f"Expected a model of shapes {expected}. Received: {shapes}")
    return model


def check_sizes(path: Path) -> None:
    """Raise ValueError for a file that is damaged, expands, or refers to other files."""
    # Keras's own limits accept 4 GiB of zeros, which take a minute and a half to inflate
    try:
        num_bytes = path.stat().st_size
        if num_bytes > _MAX_BYTES:
            raise ValueError(f"{num_bytes:,} bytes, more than {_MAX_BYTES:,}")
        if zipfile.is_zipfile(path):
            _check_archive(path, num_bytes)
        elif h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                _check_arrays(file, num_bytes)
    except MemoryError:
        raise
    except Exception as error:  # the parsers raise many types for a damaged file
        raise ValueError(f"{error or type(error).__name__}") from None


def _check_archive(path: Path, num_bytes: int) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_expansion("the archive", sum(member.file_size for member in members), num_bytes)
        for member in members:
            if member.filename.endswith((".h5", ".hdf5")):
                # zipfile reads at most the declared size, which was checked above
                content = archive.read(member)
                with h5py.File(io.BytesIO(content), "r") as file:
                    _check_arrays(file, len(content))


def _check_arrays(file: h5py.File, num_bytes: int) -> None:
    groups: list[h5py.Group] = [file]
    visited: set[h5py.Group] = set()
    total_bytes = 0
    while groups:
        group = groups.pop()
        # a hard link may make a group its own member, which would loop for ever
        if group in visited:
            raise ValueError(f"a group in two places: {group.name!r}")
        visited.add(group)
        for name in group:
            # an external link opens another file of this machine
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"a link instead of an array: {name!r}")
            member: Any = group[name]
            if isinstance(member, h5py.Group):
                groups.append(member)
                continue
            if not isinstance(member, h5py.Dataset) or member.dtype.kind not in "biuf":
                raise ValueError(f"not a numeric array: {name!r}")
            if member.external or member.is_virtual:
                raise ValueError(f"an array in another file: {name!r}")
            total_bytes += member.size * member.dtype.itemsize
            _check_expansion("the arrays", total_bytes, num_bytes)


def _check_expansion(container: str, expanded: int, num_bytes: int) -> None:
    limit = _MAX_EXPANSION * num_bytes + _SPARE_BYTES
    if expanded > limit:
        raise ValueError(
            f"Expected at most {limit:,} bytes in a file of {num_bytes:,}. "
            f"Received: {expanded:,} in {container}"
        )
