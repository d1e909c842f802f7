"""What tests of the server share: one server, which none of them may end, and views of a wrist."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trainer.serve.server import Served, explain, serving


@pytest.fixture(scope="session")
def served(trained_run: Path) -> Iterator[Served]:
    """A server whose TensorFlow has started."""
    with serving(trained_run) as started:
        assert explain(started, ("a.txt", b"Dear colleague")).json() == {"heat_maps": []}
        yield started


@pytest.fixture(scope="session")
def views(phantom_tree: Path) -> list[Path]:
    """Four views of wrists."""
    return sorted((phantom_tree / "train" / "XR_WRIST").rglob("image*.png"))[:4]
