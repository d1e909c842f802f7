"""Backbones are converted once on a machine, and Keras computes what LiteRT cannot."""

from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest

from shared.lake.open import Lake
from trainer.features.embedder import Embedder
from trainer.features.variants import MIRRORED, PLAIN
from trainer.keras_import import import_keras
from trainer.options import TrainOptions
from trainer.runs.context import RunContext

pytestmark = pytest.mark.slow

NUM_VIEWS = 9
CONVERTING = "converting the backbone of mobilenetv2 to LiteRT, once on this machine"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def make_embedder(lake: Lake, folder: Path, weights: Path, input_px: int = 320) -> Embedder:
    options = TrainOptions(
        part="wrist", model="mobilenetv2", weights=str(weights), input_px=input_px
    )
    return Embedder(RunContext(options, lake, folder), "mobilenetv2", lake.manifest)


def save_weights(path: Path, **changed: float) -> Path:
    """Write random weights of the network for colours; `changed` fills all weights of layers."""
    import_keras()

    import keras

    untyped: Any = keras.applications
    network = untyped.MobileNetV2(include_top=False, weights=None)
    for name, value in changed.items():
        layer = network.get_layer(name)
        layer.set_weights([np.full_like(weight, value) for weight in layer.get_weights()])
    network.save_weights(path)
    return path


def test_a_converted_backbone_is_reused_and_a_damaged_one_made_anew(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = save_weights(tmp_path / "own.weights.h5")
    views = lake.manifest.head(NUM_VIEWS)
    first = make_embedder(lake, tmp_path, weights)
    plain, mirrored = first.embed(views, PLAIN), first.embed(views, MIRRORED)
    assert CONVERTING in capsys.readouterr().err
    assert plain.shape == mirrored.shape
    assert not np.array_equal(plain, mirrored)
    by_keras: Any = first.backbone
    images = _read(lake, NUM_VIEWS)
    np.testing.assert_allclose(plain, by_keras.predict_on_batch(images), atol=1e-4 * plain.std())
    by_keras_mirrored = by_keras.predict_on_batch(images[:, :, ::-1])
    np.testing.assert_allclose(mirrored, by_keras_mirrored, atol=1e-4 * plain.std())

    second = make_embedder(lake, tmp_path, weights)
    later = second.embed(lake.manifest.slice(2, NUM_VIEWS), PLAIN)
    np.testing.assert_array_equal(later[: NUM_VIEWS - 2], plain[2:])
    assert CONVERTING not in capsys.readouterr().err

    (file,) = (platformdirs.user_cache_path("mura-lake") / "backbones").iterdir()
    intact = file.read_bytes()
    file.write_bytes(intact[:-1])
    third = make_embedder(lake, tmp_path, weights)
    assert third.converted == second.converted
    said = capsys.readouterr().err
    assert "is damaged or in the wrong place" in said
    assert CONVERTING in said
    assert file.read_bytes() == intact


def test_a_backbone_that_reduces_images_is_converted(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = save_weights(tmp_path / "own.weights.h5")
    embedder = make_embedder(lake, tmp_path, weights, input_px=lake.image.size * 2 // 3)
    assert embedder.converted, capsys.readouterr().err


def test_keras_computes_what_differs(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # a difference from NaN is never small
    weights = save_weights(tmp_path / "nan.weights.h5", bn_Conv1=np.nan)
    embedder = make_embedder(lake, tmp_path, weights)
    assert embedder.converted == b""
    assert "keras" in embedder.key(PLAIN)
    said = capsys.readouterr().err
    assert "Keras computes the embeddings, which takes longer: Expected" in said
    # a later run tries again
    assert not (platformdirs.user_cache_path("mura-lake") / "backbones").exists()


def _read(lake: Lake, num_views: int) -> Any:
    from shared.lake.reader import ViewReader

    with ViewReader(lake, lake.manifest.head(num_views)) as reader:
        return reader.read(np.arange(num_views))
