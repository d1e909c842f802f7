"""Sweep: what a lake's folder may hold, and what is removed from it."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from shared.errors import LakeError
from shared.files import PARTIAL_SUFFIX, explain_write
from shared.lake import Lake
from shared.layout import LAKE_FILE, LOCK_FILE, is_own_path

_HARMLESS = {".DS_Store"}
_TABLE_SUFFIX = ".parquet"


def refuse_foreign_folder(root: Path) -> None:
    """Refuse a folder with anything in it that is not a lake's.

    Raises:
        LakeError: there is something else.
    """
    if root.exists() and not root.is_dir():
        raise LakeError(f"Expected a folder for the lake. Received: the file lake={root}")
    for path in _files(root):
        if not is_own_path(path) and Path(path).name not in _HARMLESS:
            raise LakeError(
                f"Expected an empty folder or a lake. Received: lake={root}, which holds {path}"
            )


@contextmanager
def no_leftovers(root: Path) -> Generator[None, None, None]:
    """Remove what broken runs left half-written; if the block breaks, all but finished shards."""
    _remove(root, (path for path in _files(root) if path.endswith(PARTIAL_SUFFIX)))
    before, committed = set(_files(root)), _lake_file(root)
    try:
        yield
    except BaseException:
        # once there is a new lake, the new tables are its own
        is_committed = _lake_file(root) != committed
        broken = PARTIAL_SUFFIX if is_committed else (PARTIAL_SUFFIX, _TABLE_SUFFIX)
        _remove(root, (p for p in _files(root) if p not in before and p.endswith(broken)))
        raise


def sweep(lake: Lake) -> None:
    """Remove what earlier lakes and broken runs left, and folders that this leaves empty."""
    kept = {*lake.files, LOCK_FILE}
    _remove(lake.root, (path for path in _files(lake.root) if path not in kept))
    for folder in sorted(lake.root.glob("*/**/"), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def _lake_file(root: Path) -> bytes | None:
    path = root / LAKE_FILE
    return path.read_bytes() if path.is_file() else None


def _remove(root: Path, paths: Iterable[str]) -> None:
    with explain_write(root):
        for path in filter(is_own_path, paths):
            (root / path).unlink(missing_ok=True)


def _files(root: Path) -> list[str]:
    found = (path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(root).as_posix() for path in found)
