"""Reading of the files of a run folder, and their digests, `SHA256SUMS`, if the run is finished."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from shared.errors import LakeError, TrainingError
from shared.storage.atomic import write_atomically
from shared.storage.regular_file import read_regular
from trainer.runs.run_folder import CHECKPOINTS, SUMS_FILE, TENSORBOARD

Parsed = TypeVar("Parsed")

_LINE = re.compile(rb"(?P<digest>[0-9a-f]{64}) [ *](?P<name>.+)")
_REASON_CHARS = 300


@dataclass(frozen=True)
class RunFiles:
    """The files of a run folder, and the SHA-256 of each; None while the run is being written."""

    folder: Path
    digests: Mapping[str, str] | None = None

    def read(self, name: str) -> bytes:
        """Return the content of a file, by its path below the folder.

        Raises:
            TrainingError: the file is missing, a link, or changed since the run wrote it.
        """
        data = read_file(self.folder, name)
        if self.digests is not None and sha256(data) != self.digests.get(name):
            raise TrainingError(
                f"Expected the files of a run as it wrote them ({SUMS_FILE}). "
                f"Received: {self.folder / name}, which was changed"
            )
        return data

    def parse(self, name: str, parser: Callable[[bytes], Parsed]) -> Parsed:
        """Return a file's content, parsed and validated.

        Raises:
            TrainingError: the file cannot be read, or the parser raises an error, which becomes
                one line with the path of the file.
        """
        data = self.read(name)
        try:
            return parser(data)
        except (LakeError, TrainingError, ValueError) as error:
            # repr escapes control characters of damaged files
            reason = " ".join(repr(str(error))[1:-1].split())[:_REASON_CHARS]
            raise TrainingError(
                f"Expected the files of a run as it wrote them. Received: {self.folder / name}: "
                f"{reason}"
            ) from None


def read_file(folder: Path, name: str) -> bytes:
    """Return the content of a file of a run folder; raise TrainingError as `read_regular` does."""
    try:
        return read_regular(folder, name)
    except (FileNotFoundError, NotADirectoryError):
        raise TrainingError(
            "Expected the folder of a finished run; `just train` makes one. "
            f"Received: run={folder}, without {name}"
        ) from None
    except (OSError, ValueError) as error:
        raise TrainingError(
            "Expected regular files in the folder of a run. "
            f"Received: {folder / name}: {getattr(error, 'strerror', None) or error}"
        ) from None


def sha256(data: bytes) -> str:
    """Return the SHA-256 digest in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def write_digests(folder: Path) -> None:
    """Write `SHA256SUMS`, which marks the run as finished, over all its other files.

    `sha256sum --check SHA256SUMS` in the folder verifies them.

    Raises:
        TrainingError: a file is a link or not a regular file.
    """
    names = sorted(_list_files(folder), key=os.fsencode)
    lines = [f"{sha256(read_file(folder, name))}  {name}\n" for name in names]
    write_atomically(folder / SUMS_FILE, os.fsencode("".join(lines)))


def read_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 digest of each file of a finished run, by its path below the folder.

    Raises:
        TrainingError: `SHA256SUMS` is missing because the run is not finished, or is damaged.
    """
    digests: dict[str, str] = {}
    for line in read_file(folder, SUMS_FILE).splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise TrainingError(
                f"Expected lines as sha256sum writes them. Received: {folder / SUMS_FILE}, damaged"
            )
        digests[os.fsdecode(match["name"])] = match["digest"].decode()
    return digests


def _list_files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        # TensorBoard may add to its logs
        is_left_out = name.parts[0] in (CHECKPOINTS, TENSORBOARD, SUMS_FILE)
        is_hidden = any(part.startswith(".") for part in name.parts)
        # sha256sum escapes these characters; no run writes such names
        is_escaped = re.search(r"[\\\n\r]", name.as_posix())
        is_folder = path.is_dir() and not path.is_symlink()
        if not (is_left_out or is_hidden or is_escaped or is_folder):
            yield name.as_posix()
