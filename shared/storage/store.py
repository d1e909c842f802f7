"""Storage location of a lake or a source: a local folder or a prefix of an object store."""

import os
import re
from pathlib import Path

from shared.errors import UsageError
from shared.storage.local import Folder
from shared.storage.object_store.bucket import SCHEMES, Bucket

# both have the same methods, documented in `Folder`, and can be sent to other hosts
Store = Folder | Bucket

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<slashes>/+)(?P<bucket>[^/]*)(?P<path>.*)"
)

# limits of Linux and macOS; for longer paths even `stat` fails with an error
_NAME_LIMIT_BYTES = 255
_PATH_LIMIT_BYTES = 4095
_SHOWN_CHARS = 60


def as_store(place: str | Path | Store) -> Store:
    """Return the object store of a URL, or the folder of any other path.

    Raises:
        UsageError: the path is empty or too long, or the URL has another scheme, no bucket, or `.`
            or `..`.
    """
    if isinstance(place, Folder | Bucket):
        return place
    # an unset variable of a shell is not the current folder
    if place == "":
        raise UsageError("Expected a folder, such as . for this one. Received: an empty path")
    url = _URL.fullmatch(place) if isinstance(place, str) else None
    if not url:
        return Folder(_as_path(str(place), str(place)))
    scheme, parts = url["scheme"].lower(), [part for part in url["path"].split("/") if part]
    # requests and listings interpret . and .. differently
    is_whole = url["slashes"] == "//" and url["bucket"]
    if scheme not in SCHEMES or not is_whole or {".", ".."} & {*parts}:
        expected = " or ".join(f"{scheme}://bucket/path" for scheme in SCHEMES)
        raise UsageError(f"Expected a folder, or {expected}. Received: {place}")
    return Bucket(scheme, url["bucket"], "/".join(parts))


def as_path(key: str, value: str) -> Path:
    """Return the local path that an option names; `~` and `~user` are expanded as in a shell.

    Raises:
        UsageError: the value is a URL, or longer than file systems allow.
    """
    if _URL.fullmatch(value):
        raise UsageError(f"Expected a path on this host. Received: {key}={value}")
    return _as_path(value, f"{key}={value}")


def _as_path(value: str, shown: str) -> Path:
    # os.path.expanduser keeps an unknown user name, as a shell does; Path.expanduser raises
    # RuntimeError
    path = Path(os.path.expanduser(value))  # noqa: PTH111
    names = [len(os.fsencode(name)) for name in path.parts]
    if max(names, default=0) > _NAME_LIMIT_BYTES or len(os.fsencode(path)) > _PATH_LIMIT_BYTES:
        raise UsageError(
            f"Expected a path of at most {_PATH_LIMIT_BYTES:,} bytes, and {_NAME_LIMIT_BYTES} in "
            f"each name. Received: {shown[:_SHOWN_CHARS]}..., a name of {max(names)} bytes in a "
            f"path of {len(os.fsencode(path)):,}"
        )
    return path
