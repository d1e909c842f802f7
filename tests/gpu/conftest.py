"""The suite of `just test-gpu`: skipped with the reason where TensorFlow finds no GPU."""

from pathlib import Path

import pytest

from trainer.runs.gpus import describe_devices, find_gpus

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    own = [item for item in items if HERE in item.path.parents]
    skips = [] if not own or find_gpus() else [pytest.mark.skip(reason=describe_devices())]
    for item in own:
        for marker in (pytest.mark.gpu, pytest.mark.slow, *skips):
            item.add_marker(marker)
