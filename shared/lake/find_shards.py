"""Open the shards of a set of views, including after a re-ingest has replaced them."""

from dataclasses import replace

import polars as pl

from shared.errors import LakeError
from shared.lake.open import Lake, open_lake
from shared.lake.shard_rows import check_size, damage, rows_by_shard
from shared.lake.shards import ShardFiles, ShardObjects, open_files

_SAME_VIEW = ["view_id", "label", "pixel_digest"]


def find_shards(lake: Lake, views: pl.DataFrame) -> tuple[ShardFiles | ShardObjects, pl.DataFrame]:
    """Return the opened shards and the manifest rows of the views in them.

    Raises:
        CorruptLakeError: a shard is missing or has the wrong size.
        LakeError: a re-ingest has removed or changed some of the views.
    """
    # if a re-ingest has replaced shards, the same views are looked up in the current lake
    while not (shards := _open_shards(lake, views)):
        lake, views = _find_again(lake, views)
    return shards, views


def _open_shards(lake: Lake, views: pl.DataFrame) -> ShardFiles | ShardObjects | None:
    rows = rows_by_shard(lake.manifest, views["shard"])
    try:
        if lake.store.is_local is True:
            shards = open_files(lake.store, rows)
        elif lake.cache:
            shards = lake.cache.open(lake.store, rows)
        else:
            shards = ShardObjects(lake.store, rows)
    except FileNotFoundError:
        return None
    try:
        for shard, own in rows.items():
            check_size(shards.sizes[shard], own, shards.where(shard))
    except BaseException:
        shards.close()
        raise
    return shards


def _find_again(lake: Lake, views: pl.DataFrame) -> tuple[Lake, pl.DataFrame]:
    """Return the current lake and its rows for the same views with the same pixels."""
    current = replace(open_lake(lake.store), cache=lake.cache)
    if current.digest == lake.digest:
        shards = views.unique("shard", maintain_order=True).select("shard", "view_id")
        stored = lake.store.sizes(shards["shard"].to_list())
        missing = [(shard, view_id) for shard, view_id in shards.iter_rows() if shard not in stored]
        if missing and open_lake(lake.store).digest == lake.digest:
            shard, view_id = missing[0]
            raise damage(lake.store.where(shard), view_id, "the file is missing")
        return lake, views
    same = views.select(_SAME_VIEW).join(
        current.manifest, on=_SAME_VIEW, how="inner", maintain_order="left"
    )
    if same.height < views.height or current.image != lake.image:
        raise LakeError(
            "Expected no change to the views while they are opened; run again. "
            f"Received: lake={lake.store}, in which a re-ingest has changed "
            f"{views.height - same.height} of {views.height} views"
        )
    return current, same
