"""Options of the data: the lake, the body part and the shard cache."""

from dataclasses import dataclass
from typing import Literal

from shared.errors import UsageError
from shared.labels import ALL_PARTS, is_part
from shared.storage.store import as_path, as_store

Task = Literal["abnormal", "part_abnormal"]

# MURA takes 4.1 GB in a raw lake of 320 px
_CACHE_GB = 50.0


@dataclass(frozen=True)
class DataOptions:
    """The lake, the body part and the cache."""

    part: str = ALL_PARTS
    """Body part of the views, such as wrist, or `all`."""
    lake: str = "lake"
    """Folder of the lake, or s3://bucket/path."""
    cache: str = ""
    """Folder for local copies of an object store's shards, shared by runs; by default no copies."""
    cache_gb: float = _CACHE_GB
    """Size limit of the cache in GB, above 0; the least recently used shards are removed first."""

    def __post_init__(self) -> None:
        if self.part != ALL_PARTS and not is_part(self.part):
            raise UsageError(
                f"Expected a body part of the lake, or all. Received: part={self.part}"
            )
        is_local = as_store(self.lake).is_local
        as_path("cache", self.cache)
        if self.cache and is_local:
            raise UsageError(
                f"Expected cache only with a lake in an object store. "
                f"Received: cache={self.cache} lake={self.lake}"
            )
        if not self.cache_gb > 0:
            raise UsageError(f"Expected cache_gb above 0. Received: cache_gb={self.cache_gb:g}")
        if self.cache_gb != _CACHE_GB and not self.cache:
            raise UsageError(
                f"Expected cache_gb only with cache. Received: cache_gb={self.cache_gb:g}"
            )
