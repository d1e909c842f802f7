"""`SHA256SUMS` of a finished run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from shared.errors import TrainingError
from shared.storage.atomic import write_atomically
from trainer.runs.run_folder import CHECKPOINTS, SUMS_FILE, TENSORBOARD
from trainer.runs.saved.run_files import read_file, sha256

_LINE = re.compile(rb"(?P<escape>\\?)(?P<digest>[0-9a-f]{64}) [ *](?P<name>.+)")
# escapes of `sha256sum` in names; a line with an escaped name begins with a backslash
_ESCAPES = {b"\\": rb"\\", b"\n": rb"\n", b"\r": rb"\r"}


def write_digests(folder: Path) -> None:
    """Write `SHA256SUMS` over the files of a run, which marks the run as finished.

    `sha256sum --check SHA256SUMS` in the folder verifies them. All other files must be written
    before. TensorBoard's logs are omitted, because TensorBoard may add to them.

    Raises:
        TrainingError: a file is a link or not a regular file.
        WriteError: `SHA256SUMS` cannot be written.
    """
    names = sorted(_list_files(folder), key=os.fsencode)
    lines = [_format_line(name, sha256(read_file(folder, name))) for name in names]
    write_atomically(folder / SUMS_FILE, b"".join(lines))


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
        # no command reads a file with an escaped name
        if not match["escape"]:
            digests[os.fsdecode(match["name"])] = match["digest"].decode()
    return digests


def _list_files(folder: Path) -> Iterator[str]:
    """Yield the paths of a run's files below its folder, without hidden files and logs."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        is_left_out = name.parts[0] in (CHECKPOINTS, TENSORBOARD, SUMS_FILE)
        is_hidden = any(part.startswith(".") for part in name.parts)
        if not (is_left_out or is_hidden or (path.is_dir() and not path.is_symlink())):
            yield name.as_posix()


def _format_line(name: str, digest: str) -> bytes:
    encoded = os.fsencode(name)
    escaped = re.sub(rb"[\\\n\r]", lambda match: _ESCAPES[match[0]], encoded)
    mark = b"\\" if escaped != encoded else b""
    return b"%s%s  %s\n" % (mark, digest.encode(), escaped)
