"""The embeddings of joined backbones are those of each backbone, computed and cached apart."""

from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest

from shared.lake.open import Lake
from trainer.features.embedder import Embedder
from trainer.features.model_embedder import ModelEmbedder
from trainer.features.variants import MIRRORED
from trainer.inference.litert import LiteRtModel
from trainer.options import TrainOptions
from trainer.runs.context import RunContext

pytestmark = pytest.mark.slow

NUM_VIEWS = 5


def test_a_second_backbone_adds_its_own_embeddings_only(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    context = RunContext(TrainOptions(model="cnn2", weights="none"), lake, tmp_path)
    views = lake.manifest.head(NUM_VIEWS)
    first, second = (
        Embedder(context, name, views).embed(views, MIRRORED) for name in ("cnn2", "cnn4")
    )
    cached = sorted((platformdirs.user_cache_path("mura-lake") / "embeddings").rglob("*.sealed"))
    capsys.readouterr()

    joined = ModelEmbedder(context, "cnn4+cnn2", views)
    embeddings = joined.embed(views, MIRRORED)
    np.testing.assert_array_equal(embeddings, np.hstack([second, first]))
    assert len(cached) == 2
    assert sorted(platformdirs.user_cache_path("mura-lake").rglob("*.sealed")) == cached
    assert "converting" not in capsys.readouterr().err

    with MIRRORED.open(lake, views) as reader:
        images = reader.read(np.arange(NUM_VIEWS))
    by_litert = LiteRtModel(joined.converted, 1).predict(images)
    np.testing.assert_allclose(by_litert, embeddings, atol=1e-4 * embeddings.std())
    by_keras: Any = joined.backbone
    received = by_keras.predict_on_batch(images)
    np.testing.assert_allclose(received, embeddings, atol=1e-4 * embeddings.std())
