"""The embeddings of joined backbones are those of each backbone, computed and cached apart."""

from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest

from shared.lake.open import Lake
from trainer.features.embedder import Embedder
from trainer.features.model_embedder import ModelEmbedder
from trainer.features.variants import Variant
from trainer.inference.litert import LiteRtModel
from trainer.options import TrainOptions
from trainer.runs.context import RunContext

pytestmark = pytest.mark.slow

NUM_VIEWS = 5
# no other test embeds it, so the shared cache lacks it
VARIANT = Variant("light", seed=987)


def _list_cached() -> dict[Path, int]:
    """Return the cached files, and the inode of each, which is another one after each write."""
    folder = platformdirs.user_cache_path("mura-lake")
    return {path: path.stat().st_ino for path in folder.rglob("*.sealed")}


def test_a_second_backbone_adds_its_own_embeddings_only(lake: Lake, tmp_path: Path) -> None:
    names = ("efficientnet_lite0", "efficientnet_lite2")
    context = RunContext(TrainOptions(), lake, tmp_path)
    views = lake.manifest.head(NUM_VIEWS)
    first = Embedder(context, names[0], views).embed(views, VARIANT)
    cached = _list_cached()
    joined = ModelEmbedder(context, "+".join(names), views)
    embeddings = joined.embed(views, VARIANT)
    later = _list_cached()
    assert {path: later.get(path) for path in cached} == cached
    assert len(later) > len(cached)
    second = Embedder(context, names[1], views).embed(views, VARIANT)
    np.testing.assert_array_equal(embeddings, np.hstack([first, second]))

    with VARIANT.open(lake, views) as reader:
        images = reader.read(np.arange(NUM_VIEWS))
    by_litert = LiteRtModel(joined.converted, 1).predict(images)
    np.testing.assert_allclose(by_litert, embeddings, atol=1e-4 * embeddings.std())
    by_keras: Any = joined.backbone
    received = by_keras.predict_on_batch(images)
    np.testing.assert_allclose(received, embeddings, atol=1e-3 * embeddings.std())
