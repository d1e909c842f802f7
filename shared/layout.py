"""The layout: what lies where in a lake's folder."""

import re

LAKE_FILE = "lake.json"
LOCK_FILE = ".lock"
"""Says who writes the lake, while somebody does."""

_NAME = r"(lake\.json|[0-9a-f]{32}(\.parquet|\.tfrecord)?)"
_OWN_PATH = re.compile(
    r"\.lock|((manifest|shards)/split=[a-z]+/body_part=[a-z]+/label=[0-9]/|rejects/|findings/)?"
    rf"({_NAME}|\.{_NAME}\.[0-9]+\.partial)"
)


def partition_path(folder: str) -> str:
    """Return where inside the lake a partition's shards lie."""
    return f"shards/{folder}"


def shard_path(folder: str, content_digest: str) -> str:
    """Return a shard's path inside the lake; `folder` is the partition's."""
    return f"{partition_path(folder)}/{content_digest}.tfrecord"


def is_own_path(path: str) -> bool:
    """Return whether a path relative to a lake's folder can be a file of this or another lake."""
    return _OWN_PATH.fullmatch(path) is not None
