"""Store: where the files of a lake or a tree lie: a folder, or a part of an object store.

It is named as a person writes it, `lake` or `s3://bucket/lake`, and goes to other processes and
hosts as it is. Both kinds have the same verbs; `Folder` says what they mean.
"""

import re
from pathlib import Path

from shared.errors import UsageError
from shared.storage.bucket import SCHEMES, Bucket
from shared.storage.local import Folder

Store = Folder | Bucket

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<slashes>/+)(?P<bucket>[^/]*)(?P<path>.*)"
)


def as_store(place: str | Path | Store) -> Store:
    """Return the store that is meant: that of an object store's URL, or else a folder.

    Raises:
        UsageError: it is a URL of something else, names no bucket, or has `.` or `..` in its path,
            which requests and listings understand differently.
    """
    if isinstance(place, Folder | Bucket):
        return place
    url = _URL.fullmatch(place) if isinstance(place, str) else None
    if not url:
        return Folder(Path(place).expanduser())
    scheme, parts = url["scheme"].lower(), [part for part in url["path"].split("/") if part]
    is_whole = url["slashes"] == "//" and url["bucket"]
    if scheme not in SCHEMES or not is_whole or {".", ".."} & {*parts}:
        expected = " or ".join(f"{scheme}://bucket/path" for scheme in SCHEMES)
        raise UsageError(f"Expected a folder, or {expected}. Received: {place}")
    return Bucket(scheme, url["bucket"], "/".join(parts))


def refuse_url(key: str, value: str) -> None:
    """Refuse a URL where only a file or folder of this host will do.

    Raises:
        UsageError: it is one.
    """
    if _URL.fullmatch(value):
        raise UsageError(f"Expected a path on this host. Received: {key}={value}")
