"""LiteRT predicts the same with any number of threads and in any batches."""

from pathlib import Path

import numpy as np
import pytest

from shared.images.pixels import Pixels
from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from trainer.data.input_wait import InputWait
from trainer.inference.litert import LiteRtModel
from trainer.inference.predictor import infer
from trainer.runs.run_folder import LITERT_FILE

NUM_VIEWS = 21


@pytest.fixture(scope="module")
def content(trained_run: Path) -> bytes:
    return (trained_run / LITERT_FILE).read_bytes()


@pytest.fixture(scope="module")
def images(lake: Lake) -> Pixels:
    with ViewReader(lake, lake.manifest.head(NUM_VIEWS)) as reader:
        return reader.read(np.arange(NUM_VIEWS))


@pytest.mark.parametrize("num_threads", [1, 2, 5])
@pytest.mark.parametrize("batch_views", [1, 4, NUM_VIEWS])
def test_outputs_depend_neither_on_threads_nor_on_batches(
    content: bytes, images: Pixels, num_threads: int, batch_views: int
) -> None:
    alone = LiteRtModel(content, 1)
    expected = np.concatenate([alone.predict(images[row : row + 1]) for row in range(NUM_VIEWS)])
    assert np.ptp(expected) > 0
    model = LiteRtModel(content, num_threads)
    batches = (images[start : start + batch_views] for start in range(0, NUM_VIEWS, batch_views))
    outputs = np.concatenate([outputs for outputs, *_ in model.predict_batches(batches)])
    np.testing.assert_array_equal(outputs, expected)
    np.testing.assert_array_equal(model.predict(images), expected)


def test_views_of_a_lake_are_predicted_in_order(content: bytes, lake: Lake, images: Pixels) -> None:
    model = LiteRtModel(content, 2)
    views = lake.manifest.head(NUM_VIEWS).reverse()
    with ViewReader(lake, views) as reader:
        outputs = infer(model, reader, "predict", InputWait())
    np.testing.assert_array_equal(outputs[::-1], model.predict(images))
    with ViewReader(lake, views.clear()) as reader:
        assert infer(model, reader, "predict", InputWait()).shape == (0, 1)


def test_no_images_have_no_outputs(content: bytes, images: Pixels) -> None:
    assert LiteRtModel(content, 2).predict(images[:0]).shape == (0, 1)


@pytest.mark.parametrize("num_bytes", [0, 7, 1_000])
def test_a_damaged_model_is_refused_with_one_line(content: bytes, num_bytes: int) -> None:
    for damaged in (content[:num_bytes], b"x" * num_bytes):
        with pytest.raises(ValueError, match=r"LiteRT cannot load it: .") as refused:
            LiteRtModel(damaged, 2)
        assert len(str(refused.value).splitlines()) == 1
