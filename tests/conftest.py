"""What tests share: one phantom tree, one lake made from it, and one run trained on that.

Whichever process of the tests comes first makes them for all.
"""

import os
import re
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from filelock import FileLock

from ingest.phantom.generate import generate
from ingest.phantom.options import PhantomOptions
from shared.lake.open import Lake, open_lake
from tests.commands import run
from tests.object_store import (
    Proxy,
    client_environment,
    google_server,
    make_bucket,
    proxy_to,
    s3_server,
    strict_s3_server,
)
from tests.warm_process import ADDRESS

SIZE_PX = 64
NUM_VIEWS = 420
NUM_EPOCHS = 4
TRAIN = ("part=wrist", "model=cnn4", f"epochs={NUM_EPOCHS}", "batch_size=16", "seed=5")
"""Words of the trained run."""

_SHORT = {"ingest", "shared"}
"""Folders of tests that take seconds a file."""

_LONG = {"test_faults.py", "test_kills.py", "test_object_store.py"}
"""Files in those folders that take much longer."""

_MARK = re.compile(r"^pytestmark = pytest\.mark\.(\w+)$", re.MULTILINE)
"""The mark of all tests of a module."""

_SLOW = {"google", "own_tree", "s3", "s3_folder", "trained_run"}
"""Fixtures of whole runs and of servers: the tests that use them are `slow`."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import a module only to leave out all its tests: most of these import TensorFlow."""
    if not collection_path.match("test_*.py"):
        return None
    mark = _MARK.search(collection_path.read_text())
    return (mark is not None and f"not {mark[1]}" in config.option.markexpr) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests by their fixtures, and begin with those that start TensorFlow and clusters.

    Short tests at the end keep all processes busy.
    """
    for item in items:
        if isinstance(item, pytest.Function) and _SLOW & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)
    items.sort(key=_is_short)


def _is_short(item: pytest.Item) -> bool:
    return item.path.name not in _LONG and bool(_SHORT & set(item.path.parts))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what ingest remembers of earlier runs out of the user's own cache."""
    os.environ["XDG_CACHE_HOME"] = str(make_cache(shared_folder, tmp_path_factory))


def make_cache(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty cache folder, but for the converted backbones of all tests.

    A conversion takes 10 s or more.
    """
    (converted := shared_folder / "backbones").mkdir(exist_ok=True)
    cache = tmp_path_factory.mktemp("cache")
    (own := cache / "mura-lake").mkdir()
    (own / converted.name).symlink_to(converted)
    return cache


@pytest.fixture(scope="session", autouse=True)
def _own_warm_process(shared_folder: Path) -> None:
    """Name the socket of the process that has imported TensorFlow, which starts when needed."""
    os.environ[ADDRESS] = str(shared_folder / "warm")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all processes of the tests find the same."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def make_once(folder: Path, make: Callable[[], object]) -> Path:
    """Make a folder, unless another process of the tests has; return it."""
    made = folder.with_name(f"{folder.name}.made")
    with FileLock(f"{folder}.lock"):
        if not made.exists():
            make()
            made.touch()
    return folder


@pytest.fixture(scope="session")
def phantom_tree(shared_folder: Path) -> Path:
    """A phantom MURA-v1.1 folder; not to be changed."""
    out = shared_folder / "phantom"
    options = PhantomOptions(out=str(out), views=NUM_VIEWS, seed=7)
    return make_once(out, lambda: generate(options)) / "MURA-v1.1"


@pytest.fixture
def own_tree(phantom_tree: Path, tmp_path: Path) -> Path:
    """A part of the phantom tree that a test may change."""
    tree = tmp_path / "MURA-v1.1"
    for split in ("train", "valid"):
        shutil.copytree(phantom_tree / split / "XR_HUMERUS", tree / split / "XR_HUMERUS")
    return tree


@pytest.fixture(scope="session")
def lake(phantom_tree: Path, shared_folder: Path) -> Lake:
    """A lake made from the phantom tree; not to be changed."""
    root = shared_folder / "lake"
    words = (phantom_tree, f"lake={root}", f"size={SIZE_PX}", "workers=2")
    return open_lake(make_once(root, lambda: _succeed("mura-ingest", *words)))


@pytest.fixture(scope="session")
def wrist_lake(phantom_tree: Path, shared_folder: Path) -> Lake:
    """A lake of few views, which takes little time to verify; not to be changed."""
    root = shared_folder / "wrist_lake"
    words = (phantom_tree, f"lake={root}", f"size={SIZE_PX}", "parts=wrist", "workers=1")
    return open_lake(make_once(root, lambda: _succeed("mura-ingest", *words)))


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
def s3_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path, None, None]:
    """The folder in which an S3 server keeps `s3://bucket`, as clients find it, at first empty."""
    (bucket := tmp_path / "s3" / "bucket").mkdir(parents=True)
    with strict_s3_server(bucket.parent) as endpoint:
        for name, value in client_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        yield bucket


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Generator[Proxy, None, None]:
    """An emulator of Google Cloud Storage as clients find it, with an empty `gs://bucket`."""
    with google_server() as port, proxy_to(port) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.endpoint)
        yield proxy


@pytest.fixture
def own_lake(lake: Lake, tmp_path: Path) -> Path:
    """A copy of the lake that a test may damage."""
    return shutil.copytree(lake.root, tmp_path / "lake")


@pytest.fixture(scope="session")
def trained_run(lake: Lake, shared_folder: Path) -> Path:
    """The folder of a finished run on the lake's wrists; not to be changed."""
    out = shared_folder / "run"
    words = (*TRAIN, f"lake={lake.root}", f"out={out}")
    return make_once(out, lambda: _succeed("mura-train", *words))


@pytest.fixture(scope="session")
def exported(trained_run: Path, shared_folder: Path) -> Path:
    """A folder with the SavedModel of the run and what its export printed; not to be changed."""
    folder = shared_folder / "exported"

    def export() -> None:
        folder.mkdir()
        out = folder / "saved_model"
        result = run("mura-export", f"run={trained_run}", "format=saved_model", f"out={out}")
        assert result.returncode == 0, result.stderr
        (folder / "stdout").write_text(result.stdout)

    return make_once(folder, export)


def _succeed(script: str, *words: object) -> None:
    # with an environment it is a process that starts as a user's does
    result = run(script, *words, environment=os.environ)
    assert result.returncode == 0, result.stderr
