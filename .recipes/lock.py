"""Pin the newest versions of all dependencies with hashes, and check the locks for every system.

`requirements.txt` is the environment of a user; `requirements-dev.txt` and `requirements-gpu.txt`
list only additions to it, so that they can be installed together with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from environment import EXTRAS, LOCKS, PROJECT

_USER = ("fast", "pretrained", "serve", "tune")
_WORDS = {
    "user": [*(f"--extra={name}" for name in _USER), "--group=build"],
    "dev": [*(f"--extra={name}" for name in EXTRAS), "--group=dev"],
    "gpu": ["--extra=gpu"],
}
_LINUX = "x86_64-manylinux_2_28"
_PLATFORMS = (_LINUX, "aarch64-manylinux_2_28", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")
_PYTHONS = ("3.11", "3.12")
# uv assumes macOS 13 otherwise, for which onnxruntime has no wheels
_MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}


def main(words: Sequence[str]) -> None:
    """Write the locks, then check them; with `check`, only check them."""
    if "check" not in words:
        _compile("user", PROJECT / LOCKS["user"], ["--upgrade"])
        for part in ("dev", "gpu"):
            _compile_additions(part)
    for platform in _PLATFORMS:
        for python in _PYTHONS:
            _check(platform, python)


def _compile(part: str, output: Path, more: Sequence[str]) -> None:
    words = ["--universal", "--python-version=3.10", "--generate-hashes", "--no-annotate"]
    words += ["--no-header", *_WORDS["user"], *(_WORDS[part] if part != "user" else [])]
    _uv(["pip", "compile", "pyproject.toml", *words, *more, "--output-file", str(output)])


def _compile_additions(part: str) -> None:
    """Write the lock of a part without the packages that are in the lock of the user."""
    user = PROJECT / LOCKS["user"]
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "requirements.txt"
        _compile(part, everything, ["--constraint", str(user)])
        known = set(_entries(user))
        # an entry with another marker stays, so a package can be in both locks, in one version
        added = [entry for entry in _entries(everything) if entry not in known]
    (PROJECT / LOCKS[part]).write_text("".join(added), newline="\n")


def _entries(lock: Path) -> list[str]:
    """Return the entries of a lock: a line with a version, and lines with hashes."""
    entries: list[str] = []
    for line in lock.read_text().splitlines(keepends=True):
        if line.startswith(" "):
            entries[-1] += line
        else:
            entries.append(line)
    return entries


def _check(platform: str, python: str) -> None:
    """Resolve the locks for a system, with wheels only; nothing is installed."""
    parts = ["user", "dev", *(["gpu"] if platform == _LINUX else [])]
    locks = [word for part in parts for word in ("--requirements", str(PROJECT / LOCKS[part]))]
    with tempfile.TemporaryDirectory() as folder:
        words = ["--dry-run", "--no-deps", "--only-binary=:all:", "--require-hashes", "--target"]
        words += [folder, "--python-platform", platform, "--python-version", python, *locks]
        _uv(["pip", "install", *words])
    print(f"{', '.join(parts)}: wheels for {platform}, Python {python}")


def _uv(words: Sequence[str]) -> None:
    status = subprocess.call(["uv", *words, "--quiet"], cwd=PROJECT, env={**os.environ, **_MACOS})
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
