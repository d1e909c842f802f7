"""File layout of a lake."""

import re

from shared.labels import PART_PATTERN

LAKE_FILE = "lake.json"
# identifies the process that writes the lake; absent when the lake is not locked
LOCK_FILE = ".lock"

_NAME = r"(lake\.json|[0-9a-f]{32}(\.parquet|\.tfrecord)?)"
_OWN_PATH = re.compile(
    rf"\.lock|((manifest|shards)/split=[a-z]+/body_part={PART_PATTERN}/label=[0-9]/"
    rf"|rejects/|findings/)?({_NAME}|\.{_NAME}\.[0-9]+\.partial)"
)


def partition_path(folder: str) -> str:
    """Return the folder of a partition's shards, relative to the lake."""
    return f"shards/{folder}"


def shard_path(folder: str, content_digest: str) -> str:
    """Return the path of a shard relative to the lake; `folder` is its partition's folder."""
    return f"{partition_path(folder)}/{content_digest}.tfrecord"


def is_own_path(path: str) -> bool:
    """Return whether a path, relative to a lake, is a valid name of a lake file."""
    return _OWN_PATH.fullmatch(path) is not None
