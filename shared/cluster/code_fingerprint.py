"""Fingerprint of source code and package versions, to compare processes on different hosts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Code:
    """Source files and package versions that affect results, to compare processes on hosts."""

    packages: tuple[str, ...]
    digest: str
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def here(cls, packages: Sequence[str], distributions: Sequence[str]) -> "Code":
        """Return the fingerprint of this process."""
        found = ((name, _find_version(name)) for name in distributions)
        return cls(tuple(packages), digest_code(tuple(packages)), tuple(found))

    def differences(self) -> list[str]:
        """Describe the differences between this fingerprint and the current process."""
        here = Code.here(self.packages, [name for name, _ in self.versions])
        found = [
            f"{name} {received} (expected {expected})"
            for (name, expected), (_, received) in zip(self.versions, here.versions, strict=True)
            if received != expected
        ]
        if here.digest != self.digest:
            found.append(f"different source files of {' and '.join(self.packages)} in {_PROJECT}")
        return found


@cache
def digest_code(packages: tuple[str, ...]) -> str:
    """Return the digest of all source files of some packages of this project."""
    hashed = hashlib.sha256()
    for package in packages:
        for path in sorted((_PROJECT / package).rglob("*.py")):
            hashed.update(path.relative_to(_PROJECT).as_posix().encode())
            hashed.update(path.read_bytes())
    return hashed.hexdigest()[:32]


@cache
def _find_version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
