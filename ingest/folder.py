"""Folder: what else lies where the lake is to be: a foreign folder is refused, old files swept."""

from pathlib import Path

from shared.errors import LakeError
from shared.lake import Lake
from shared.layout import is_own_path

_HARMLESS = {".DS_Store"}


def refuse_foreign_folder(root: Path) -> None:
    """Refuse a folder with anything in it that is not a lake's.

    Raises:
        LakeError: there is something.
    """
    if root.exists() and not root.is_dir():
        raise LakeError(f"Expected a folder for the lake. Received: the file lake={root}")
    for path in _files(root):
        if not is_own_path(path) and Path(path).name not in _HARMLESS:
            raise LakeError(
                f"Expected an empty folder or a lake. Received: lake={root}, which holds {path}"
            )


def sweep(lake: Lake) -> None:
    """Remove what earlier lakes and broken runs left, and folders that this leaves empty."""
    for path in _files(lake.root):
        if is_own_path(path) and path not in lake.files:
            (lake.root / path).unlink()
    for folder in sorted(lake.root.glob("*/**/"), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def _files(root: Path) -> list[str]:
    found = (path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(root).as_posix() for path in found)
