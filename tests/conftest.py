"""What tests share: one phantom tree, one lake made from it, and one run trained on that."""

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from ingest.phantom.generate import generate
from ingest.phantom.options import PhantomOptions
from shared.lake import Lake, open_lake
from tests.commands import run
from tests.object_store import Proxy, client_environment, make_bucket, proxy_to, s3_server

SIZE_PX = 64
NUM_VIEWS = 420

_SHORT = {"ingest", "shared"}
"""Folders of tests that take seconds a file."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what starts TensorFlow and clusters: what is short keeps both processes busy."""
    items.sort(key=lambda item: _SHORT & set(item.path.parts) != set())


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what ingest remembers of earlier runs out of the user's own cache."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def phantom_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom MURA-v1.1 folder; not to be changed."""
    out = tmp_path_factory.mktemp("phantom")
    return generate(PhantomOptions(out=str(out), views=NUM_VIEWS, seed=7))


@pytest.fixture
def own_tree(phantom_tree: Path, tmp_path: Path) -> Path:
    """A part of the phantom tree that a test may change."""
    tree = tmp_path / "MURA-v1.1"
    for split in ("train", "valid"):
        shutil.copytree(phantom_tree / split / "XR_HUMERUS", tree / split / "XR_HUMERUS")
    return tree


@pytest.fixture(scope="session")
def lake(phantom_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake made from the phantom tree; not to be changed."""
    root = tmp_path_factory.mktemp("lake") / "lake"
    result = run("mura-ingest", phantom_tree, f"lake={root}", f"size={SIZE_PX}", "workers=2")
    assert result.returncode == 0, result.stderr
    return open_lake(root)


@pytest.fixture(scope="session")
def s3_port() -> Generator[int, None, None]:
    """The port of an S3 server on this host."""
    with s3_server() as port:
        yield port


@pytest.fixture
def s3(s3_port: int, monkeypatch: pytest.MonkeyPatch) -> Generator[Proxy, None, None]:
    """The S3 server as clients find it in the environment, with an empty bucket of the test's own.

    Its `url` begins the places in that bucket.
    """
    with proxy_to(s3_port) as proxy:
        for name, value in client_environment(proxy.endpoint).items():
            monkeypatch.setenv(name, value)
        make_bucket(s3_port, proxy.bucket)
        yield proxy


@pytest.fixture
def own_lake(lake: Lake, tmp_path: Path) -> Path:
    """A copy of the lake that a test may damage."""
    return shutil.copytree(lake.root, tmp_path / "lake")


@pytest.fixture(scope="session")
def trained_run(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run on the lake's wrists; not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "train"
    words = ("part=wrist", f"lake={lake.root}", "model=resnet_small", f"out={out}", "epochs=2")
    result = run("mura-train", *words)
    assert result.returncode == 0, result.stderr
    return out
