"""Options of the data: the lake, the body part and the shard cache."""

from dataclasses import dataclass
from typing import Literal

from shared.labels import ALL_PARTS, is_part
from shared.storage.store import as_path, as_store
from trainer.options.checks import check_range, usage_error

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
            raise usage_error(self, "a body part of the lake, or all", "part")
        is_local = as_store(self.lake).is_local
        as_path("cache", self.cache)
        if self.cache and is_local:
            raise usage_error(self, "cache only with a lake in an object store", "cache", "lake")
        check_range(self, "above 0", lambda size: size > 0, "cache_gb")
        if self.cache_gb != _CACHE_GB and not self.cache:
            raise usage_error(self, "cache_gb only with cache", "cache_gb")
