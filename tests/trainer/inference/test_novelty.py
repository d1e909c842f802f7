"""Percentiles of distances: uniform for views like those of training, 100 for others."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shared.errors import TrainingError
from trainer.inference.novelty import (
    REFERENCE_SCHEMA,
    UNLIKE_PERCENTILE,
    Matrix,
    Reference,
    read_reference,
    write_reference,
)
from trainer.inference.reference_fit import fit_reference
from trainer.runs.run_folder import REFERENCE_FILE
from trainer.runs.saved.run_files import RunFiles, sha256

NUM_FEATURES, VIEWS_OF_PATIENT = 64, 4


def _draw(num_patients: int, seed: int, centre: int = 0) -> tuple[Matrix, np.ndarray]:
    """Return features of views around a centre, and their patients; views of one are similar."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(centre).normal(0, 1, NUM_FEATURES)
    patients = np.repeat(np.arange(num_patients), VIEWS_OF_PATIENT)
    of_patient = rng.normal(0, 0.5, (num_patients, NUM_FEATURES))[patients]
    of_view = rng.normal(0, 0.1, (len(patients), NUM_FEATURES))
    return (centres + of_patient + of_view).astype(np.float32), patients


def _fit(num_patients: int = 400) -> Reference:
    reference = fit_reference(*_draw(num_patients, seed=1), seed=0)
    assert reference
    return reference


def _rate(reference: Reference, features: Matrix) -> np.ndarray:
    return reference.rate(reference.measure(features))


def _files(folder: Path) -> RunFiles:
    """Return the files of a run, which consists of its reference."""
    return RunFiles(folder, {REFERENCE_FILE: sha256((folder / REFERENCE_FILE).read_bytes())})


def test_percentiles_of_new_patients_are_uniform() -> None:
    percentiles = _rate(_fit(), _draw(400, seed=2)[0])
    deciles = np.histogram(percentiles, np.linspace(0, 100, 11))[0] / len(percentiles)
    np.testing.assert_allclose(deciles, 0.1, atol=0.05)
    assert (percentiles >= UNLIKE_PERCENTILE).mean() < 0.03


def test_other_images_are_unlike() -> None:
    assert _rate(_fit(), _draw(20, seed=3, centre=1)[0]).min() >= UNLIKE_PERCENTILE


def test_few_training_views_flag_nothing_and_few_patients_give_no_reference() -> None:
    percentiles = _rate(_fit(num_patients=20), _draw(20, seed=3, centre=1)[0])
    assert percentiles.max() == pytest.approx(100 * 80 / 81)
    assert fit_reference(*_draw(4, seed=1), seed=0) is None
    assert fit_reference(np.empty((0, 3), np.float32), np.empty(0, np.int64), seed=0) is None


def test_the_file_gives_the_same_percentiles(tmp_path: Path) -> None:
    reference = _fit()
    write_reference(tmp_path, reference)
    again = read_reference(_files(tmp_path), NUM_FEATURES)
    assert again
    assert len(again.directions) == 256
    others = np.concatenate([_draw(20, seed=3)[0], _draw(20, seed=3, centre=1)[0]])
    np.testing.assert_allclose(_rate(again, others), _rate(reference, others), atol=0.1)


@pytest.mark.parametrize(
    ("features", "error"),
    [
        (pl.lit(None, REFERENCE_SCHEMA["features"]), "Expected lists of 64 features"),
        (pl.col("features").list.head(63), r"Received: lengths \[63\]"),
        (pl.col("features") / 0, "Expected finite features"),
    ],
)
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, features: pl.Expr, error: str) -> None:
    write_reference(tmp_path, _fit())
    table = pl.read_parquet(tmp_path / REFERENCE_FILE)
    table.with_columns(features.alias("features")).write_parquet(tmp_path / REFERENCE_FILE)
    with pytest.raises(TrainingError, match=error):
        read_reference(_files(tmp_path), NUM_FEATURES)
