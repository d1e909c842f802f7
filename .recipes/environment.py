"""Install the locked environment in `.venv`, and run commands in it.

The recipes of the justfile call this module, because a shell would differ between Linux, macOS and
Windows. It uses the standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

PROJECT = Path(__file__).resolve().parents[1]
LOCKS = {
    "user": "requirements.txt",
    "dev": "requirements-dev.txt",
    "gpu": "requirements-gpu.txt",
}
"""The lock of each part of the environment. `dev` and `gpu` list only additions to `user`."""
EXTRAS = ("cluster", "onnx")
"""Extras that are parts too: large, and needed by one option each. `dev` includes them."""

_EXTRA_OF_OPTION = {"engine=ray": "cluster", "format=onnx": "onnx"}
_VENV = PROJECT / ".venv"
_BIN = _VENV / ("Scripts" if os.name == "nt" else "bin")
_INSTALLED = _VENV / "installed.json"


def run(command: str, *more: str, parts: Sequence[str] = ()) -> NoReturn:
    """Install the parts that a command needs, then run it with the words of the recipe.

    Args:
        command: a program of the environment.
        more: words before those of the recipe.
        parts: keys of `LOCKS`, besides `user` and the extras that the words need.
    """
    words = sys.argv[1:]
    install([*parts, *_extras(words)])
    program = [str(_BIN / command), *more, *words]
    if os.name == "nt":
        # os.exec would return to the terminal while the command still runs
        sys.exit(subprocess.call(program))
    os.execv(program[0], program)


def call(command: str, *words: str, parts: Sequence[str] = ()) -> None:
    """Run a command of the environment as one step of a recipe; exit if it fails."""
    install(parts)
    if status := subprocess.call([_BIN / command, *words], cwd=PROJECT):
        sys.exit(status)


def install(parts: Iterable[str]) -> None:
    """Install parts of the environment that are missing or whose lock has changed.

    Installed parts stay, so a developer can also run the recipes of a user.
    """
    present = _read_installed()
    before: list[str] = present.get("parts", [])
    wanted = sorted({"user", *before, *parts})
    locks = [PROJECT / LOCKS[part] for part in wanted if part in LOCKS]
    state = {"parts": wanted, "digest": _digest([*locks, PROJECT / "pyproject.toml"])}
    if state == present:
        return
    print(f"setting up .venv: {', '.join(wanted)}", file=sys.stderr)
    # an interrupted installation starts again
    _INSTALLED.unlink(missing_ok=True)
    if not (_VENV / "pyvenv.cfg").is_file():
        _uv("venv", str(_VENV))
    python = ("--python", str(_VENV))
    _uv("pip", "sync", *python, "--compile-bytecode", "--require-hashes", *map(str, locks))
    pins = [word for lock in LOCKS.values() for word in ("--constraint", str(PROJECT / lock))]
    extras = [part for part in wanted if part in EXTRAS]
    project = str(PROJECT) + (f"[{','.join(extras)}]" if extras else "")
    _uv("pip", "install", *python, "--no-build-isolation", *pins, "--editable", project)
    _INSTALLED.write_text(json.dumps(state))


def _extras(words: Sequence[str]) -> list[str]:
    """Return the extras that options need, written `key=value` or `--key value`."""
    bare = [word.removeprefix("--") for word in words]
    given = {*bare, *map("=".join, itertools.pairwise(bare))}
    return [extra for option, extra in _EXTRA_OF_OPTION.items() if option in given]


def _read_installed() -> dict[str, Any]:
    try:
        return json.loads(_INSTALLED.read_text())
    except (OSError, ValueError):
        return {}


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _uv(*words: str) -> None:
    status = subprocess.call(["uv", *words, "--quiet"], cwd=PROJECT)
    if status:
        sys.exit(status)
