"""Creation of a new file or folder that has its name only once it is complete."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import UsageError
from shared.storage.atomic import PARTIAL_SUFFIX, convert_write_errors, sync_folder


@contextmanager
def new_path(path: Path) -> Generator[Path, None, None]:
    """Yield a hidden path for a file or folder; rename it to `path` when the block has succeeded.

    Raises:
        UsageError: the path exists already.
    """
    if os.path.lexists(path):
        raise UsageError(f"Expected a path that does not exist. Received: out={path}")
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL_SUFFIX}")
    try:
        with convert_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with convert_write_errors(path):
            partial.rename(path)
        sync_folder(path.parent)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)
