"""Reports of small synthetic runs, written once for the tests that only read them."""

from pathlib import Path

import pytest

from tests.trainer.run_folders import write_cv, write_train
from trainer.report.page import write_report


@pytest.fixture(scope="session")
def train_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a training with all its sets."""
    return write_report(write_train(tmp_path_factory.mktemp("train")))


@pytest.fixture(scope="session")
def cv_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a cross-validation with all its sets."""
    return write_report(write_cv(tmp_path_factory.mktemp("cv")))
