"""Files of models and weights that are more than they seem are refused, at once."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from shared.errors import WeightsError
from trainer.models.model_file import check_sizes, load_model
from trainer.models.table import require_weights

pytestmark = pytest.mark.slow

BOMB_MB = 200
SIZE_PX = 16


def _bomb(path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("model.weights.h5", "w") as member,
    ):
        for _ in range(BOMB_MB):
            member.write(bytes(1 << 20))


def _shape_bomb(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/0", (1 << 30,), "f4", chunks=(1 << 20,), compression="gzip")


def _nested(path: Path) -> None:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("layers/0", (1 << 30,), "f4", chunks=(1 << 20,), compression="gzip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", content.getvalue())


def _elsewhere(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/0", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def _linked(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/other.h5", "/")


def _around(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["layers/again"] = file["/"]


@pytest.mark.parametrize("make", [_bomb, _shape_bomb, _nested, _elsewhere, _linked, _around])
def test_weights_that_expand_or_lie_elsewhere_are_refused_within_two_seconds(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "own.pth"
    make(path)
    started_s = time.process_time()
    with pytest.raises(WeightsError, match=rf"Received: .* in {path}"):
        require_weights(["efficientnet_lite0", "mobilenetv2"], str(path))
    assert time.process_time() - started_s < 2


def _model(num_outputs: int = 1, size_px: int = SIZE_PX) -> Any:
    images = keras.Input((size_px, size_px, 1), dtype="uint8")
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    return keras.Model(images, keras.layers.Dense(num_outputs, "sigmoid")(pooled))


def test_a_model_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    path, model = tmp_path / "model.keras", _model()
    model.save(path)
    loaded: Any = load_model(path, SIZE_PX, 1)
    for expected, found in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("model", [_model(num_outputs=2), _model(size_px=SIZE_PX + 1)])
def test_a_model_of_other_shapes_is_refused(tmp_path: Path, model: Any) -> None:
    path = tmp_path / "model.keras"
    model.save(path)
    with pytest.raises(ValueError, match="Expected a model of shapes"):
        load_model(path, SIZE_PX, 1)


def test_a_model_that_brings_code_is_refused_and_none_of_it_runs(tmp_path: Path) -> None:
    path, made = tmp_path / "model.keras", tmp_path / "made"
    images = keras.Input((SIZE_PX, SIZE_PX, 1), dtype="uint8")
    code = f"__import__('os').mkdir({str(made)!r}) or images"
    function = eval(f"lambda images: {code}")
    answer: Any = keras.layers.Lambda(function, output_shape=(SIZE_PX, SIZE_PX, 1))(images)
    pooled = keras.layers.GlobalAveragePooling2D()(answer)
    keras.Model(images, keras.layers.Dense(1)(pooled)).save(path)
    with pytest.raises(ValueError, match="Keras cannot load it"):
        load_model(path, SIZE_PX, 1)
    assert not made.exists()
    unsafe: Any = keras.models.load_model(path, safe_mode=False)  # pyright: ignore[reportUnknownMemberType]  # no stubs
    unsafe(np.zeros((1, SIZE_PX, SIZE_PX, 1), np.uint8))
    assert made.exists()


def test_whatever_keras_raises_of_a_damaged_model_is_one_kind_of_error(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    _model().save(path)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    damaged = [whole[:100], whole[:-30], b"", bytes(len(whole)), whole[:900] + b"x" + whole[901:]]
    for value in (None, [], {"class_name": "Functional"}, {**config, "config": 7}):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, member in (members | {"config.json": json.dumps(value).encode()}).items():
                archive.writestr(name, member)
        damaged.append(content.getvalue())
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"."):
            load_model(path, SIZE_PX, 1)


def test_files_that_are_what_they_seem_pass(tmp_path: Path) -> None:
    for name in ("own.weights.h5", "own.keras"):
        path, model = tmp_path / name, _model()
        model.save(path) if name == "own.keras" else model.save_weights(path)
        check_sizes(path)
