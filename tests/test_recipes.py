"""The locks agree, and recipes install what they need, once."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import PROJECT

LOCKS = sorted(PROJECT.glob("requirements*.txt"))
BUILD = ("editables", "hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers")
"""What builds an editable installation, and its dependencies."""
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "mura-lake"
version = "1"
optional-dependencies = { cluster = ["tomlkit"], onnx = [] }
[tool.hatch.build.targets.wheel]
packages = [".recipes"]
"""
RECIPE = """
import sys
sys.path.insert(0, ".recipes")
from environment import run
run("python", "-c", "import sys; print(sys.prefix, sys.argv[1:])")
"""


def _entries(lock: Path) -> dict[str, str]:
    """Return the entries of a lock with their hashes, by package, version and marker."""
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    return {entry.partition(" \\\n")[0]: entry for entry in entries}


def test_a_package_has_the_same_versions_in_every_lock() -> None:
    versions = [
        {tuple(entry.split(" ")[0].split("==")) for entry in _entries(lock)} for lock in LOCKS
    ]
    user = versions[-1]
    assert LOCKS[-1].name == "requirements.txt"
    for additions in versions[:-1]:
        shared = {name for name, _ in additions} & {name for name, _ in user}
        assert {pair for pair in additions if pair[0] in shared} <= user


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_has_hashes_and_no_address(lock: Path) -> None:
    for head, entry in _entries(lock).items():
        assert re.match(r"[\w-]+==\S+( ; |$)", head), head
        assert "--hash=sha256:" in entry
    assert "://" not in lock.read_text()


@pytest.mark.slow
def test_a_recipe_installs_what_its_options_need_once(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / ".recipes", tmp_path / ".recipes")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    pins = [entry for lock in LOCKS for entry in _entries(lock).values()]
    builders = [pin for pin in pins if pin.startswith(tuple(f"{name}==" for name in BUILD))]
    (tmp_path / "requirements.txt").write_text("\n".join(builders))
    (tomlkit,) = (pin for pin in pins if pin.startswith("tomlkit=="))
    (tmp_path / "requirements-dev.txt").write_text(tomlkit)
    (tmp_path / "requirements-gpu.txt").touch()

    assert "setting up .venv: user" in _run(tmp_path, "k=2", "a b")
    assert _run(tmp_path, "k=2") == ""
    assert not _is_installed(tmp_path, "tomlkit")

    assert "setting up .venv: cluster, user" in _run(tmp_path, "--engine", "ray")
    assert _is_installed(tmp_path, "tomlkit")
    # what is installed stays
    assert _run(tmp_path, "k=2") == ""

    (tmp_path / "requirements.txt").write_text("\n".join(reversed(builders)))
    assert "setting up .venv: cluster, user" in _run(tmp_path)
    assert _is_installed(tmp_path, "tomlkit")


def _run(folder: Path, *words: str) -> str:
    """Run a recipe with words; return what it wrote to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", RECIPE, *words], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder / '.venv'} {list(words)}\n"
    return done.stderr


def _is_installed(folder: Path, package: str) -> bool:
    return any((folder / ".venv").glob(f"lib/python*/site-packages/{package}"))
