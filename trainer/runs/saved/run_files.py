"""Reading of the files of a run folder, with their digests if the run is finished."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from shared.errors import LakeError, TrainingError
from shared.storage.regular_file import read_regular
from trainer.runs.run_folder import SUMS_FILE

Parsed = TypeVar("Parsed")

_REASON_CHARS = 300


@dataclass(frozen=True)
class RunFiles:
    """The files of a run folder.

    Attributes:
        digests: SHA-256 of each file, as from `read_digests`; None while the run is being written.
    """

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
    """Return the content of a regular file of a run folder, as `read_regular` does.

    Raises:
        TrainingError: the file is missing, unreadable, too large, or not regular.
    """
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
