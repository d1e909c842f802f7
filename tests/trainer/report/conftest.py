"""Reports of small synthetic runs, written once for the tests that only read them."""

from pathlib import Path

import pytest

from tests.conftest import make_once
from tests.trainer.run_folders import write_cv, write_train
from trainer.report.page import write_report


@pytest.fixture(scope="session")
def train_report(shared_folder: Path) -> Path:
    """The page of a training with all its sets."""
    folder = shared_folder / "train_report"
    return make_once(folder, lambda: write_report(write_train(folder))) / "report.html"


@pytest.fixture(scope="session")
def untested_report(shared_folder: Path) -> Path:
    """The page of a training without test views."""
    folder = shared_folder / "untested_report"
    roles = ("validation",)
    made = make_once(folder, lambda: write_report(write_train(folder, roles=roles)))
    return made / "report.html"


@pytest.fixture(scope="session")
def cv_report(shared_folder: Path) -> Path:
    """The page of a cross-validation with all its sets."""
    folder = shared_folder / "cv_report"
    return make_once(folder, lambda: write_report(write_cv(folder))) / "report.html"
