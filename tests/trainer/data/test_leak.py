"""What a split by view would give away: labels that nothing can tell, told nearly always.

Each patient here is one radiograph and copies of it, turned, mirrored and shifted, as MURA has
several views of a study; and the label is a coin's. A model cannot learn what makes a view so, for
nothing does. It can learn what each patient looks like.
"""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from sklearn.model_selection import KFold

from shared.lake.open import Lake, open_lake
from tests.commands import call
from trainer.data.split import FitPlan, Fold, draw_folds
from trainer.evaluation.metrics import measure_auroc
from trainer.inference.trained_model import predict
from trainer.models.candidates import Candidate
from trainer.options import TrainOptions
from trainer.runs.context import RunContext
from trainer.training.recipe import make_fit

pytestmark = pytest.mark.slow

NUM_PATIENTS, NUM_COPIES, SIZE_PX = 64, 8, 64
CANDIDATE = Candidate("efficientnet_lite0", 30)
Image = npt.NDArray[np.uint8]


def copy(image: Image, rng: np.random.Generator) -> Image:
    """Turn, mirror and shift a radiograph."""
    height_px, width_px = image.shape
    turn = cv2.getRotationMatrix2D((width_px / 2, height_px / 2), rng.uniform(-15, 15), 1)
    turn[:, 2] += rng.uniform(-0.05, 0.05, 2) * (width_px, height_px)
    moved = cv2.warpAffine(image, turn, (width_px, height_px))
    return np.asarray(moved[:, ::-1] if rng.random() < 0.5 else moved, np.uint8)


@pytest.fixture(scope="module")
def coin_lake(phantom_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of patients whose labels are a coin's."""
    folder, rng = tmp_path_factory.mktemp("coin"), np.random.default_rng(0)
    first_views = sorted(phantom_tree.glob("train/*/*/study1_*/image1.png"))
    labels = rng.permutation(NUM_PATIENTS) % 2
    paths = rng.choice(np.array(first_views, object), NUM_PATIENTS, replace=False)
    for patient, (path, label) in enumerate(zip(paths, labels, strict=True)):
        image = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
        name = f"patient{patient + 1:05}/study1_{'positive' if label else 'negative'}"
        study = folder / "MURA-v1.1" / "train" / "XR_WRIST" / name
        study.mkdir(parents=True)
        for index in range(NUM_COPIES):
            cv2.imwrite(str(study / f"image{index + 1}.png"), copy(image, rng))
    root = folder / "lake"
    result = call("mura-ingest", folder, f"lake={root}", f"size={SIZE_PX}", "workers=2")
    assert result.returncode == 0, result.stderr
    return open_lake(root)


def by_view(views: pl.DataFrame) -> Iterable[Fold]:
    for train, held_out in KFold(5, shuffle=True, random_state=0).split(views):
        yield Fold(views[train], views[held_out])


def test_split_by_view_a_model_seems_to_know_and_split_by_patient_it_does_not(
    coin_lake: Lake, tmp_path: Path
) -> None:
    views = coin_lake.manifest
    everything = FitPlan(views, views.clear(), views.clear())
    options = TrainOptions(lake=str(coin_lake.root), copies=1, tta="none")
    fit = make_fit(RunContext(options, coin_lake, tmp_path), CANDIDATE.model, everything)

    def cross_validate(folds: Iterable[Fold]) -> float:
        answers: list[pl.DataFrame] = []
        for fold in folds:
            plan = FitPlan(fold.train, fold.held_out.clear(), fold.held_out)
            answers.append(predict(fit(plan, [CANDIDATE], "fold"), fold.held_out))
        scored = pl.concat(answers).join(views, on="view_id")
        assert scored.height == NUM_PATIENTS * NUM_COPIES
        auroc = measure_auroc(scored["label"].to_numpy(), scored["probability"].to_numpy())
        assert auroc is not None
        return auroc

    assert cross_validate(by_view(views)) > 0.97
    assert cross_validate(draw_folds(views, 5, seed=0)) < 0.7
