"""The train and test views of a run, from MURA's own split."""

from dataclasses import dataclass, replace

import polars as pl

from shared.console import note
from shared.errors import TrainingError
from shared.labels import SPLITS, order_parts
from shared.lake.download_cache import GB, ShardCache
from shared.lake.open import Lake, open_lake
from shared.lake.shard_rows import rows_by_shard
from shared.storage.store import as_path
from trainer.options import DataOptions


@dataclass(frozen=True)
class Data:
    """Rows of a lake's manifest: MURA's train split, and its valid split, which may be empty."""

    lake: Lake
    train: pl.DataFrame
    test: pl.DataFrame


def open_data(options: DataOptions) -> Data:
    """Open a lake and select the views of a body part, or of `all`.

    Train views with a patient or an image of the official valid split are excluded.

    Raises:
        TrainingError: the train split has no such views, or only views with one label.
    """
    lake, part = open_lake(options.lake), options.part
    train = lake.manifest.filter(split="train")
    clean, test = exclude_test_overlap(lake.manifest)
    if leaking := train.height - clean.height:
        note(f"{leaking:,} train views excluded: their patients or images are in the valid split")
    if part != "all":
        clean, test = clean.filter(body_part=part), test.filter(body_part=part)
    if clean.is_empty():
        present = order_parts(train["body_part"])
        raise TrainingError(
            f"Expected train views of part={part}. Received: lake={lake.store} with "
            f"{', '.join(present) or 'no train views'}"
        )
    check_labels(clean, f"the train split of part={part}")
    return Data(with_cache(lake, options, pl.concat([clean, test])), clean, test)


def with_cache(lake: Lake, options: DataOptions, views: pl.DataFrame) -> Lake:
    """Return the lake with a cache for downloaded shards, if the options name one."""
    if not options.cache:
        return lake
    cache = ShardCache(as_path("cache", options.cache), int(options.cache_gb * GB))
    cache.require_folder()
    cache.require_room(rows_by_shard(lake.manifest, views["shard"]))
    return replace(lake, cache=cache)


def exclude_test_overlap(manifest: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the train views without a group, patient or image of valid, and the valid views."""
    train, valid = (manifest.filter(split=split) for split in SPLITS)
    # ingest excludes such views, but lakes of earlier versions or other tools may have some
    for key in ("group", "patient_id", "pixel_digest"):
        train = train.join(valid, on=key, how="anti", maintain_order="left")
    return train, valid


def check_labels(views: pl.DataFrame, place: str) -> None:
    """Raise TrainingError unless both labels occur in the views."""
    if views["label"].n_unique() < 2:
        raise TrainingError(
            f"Expected normal and abnormal views in {place}. "
            f"Received: {views.height} views, labels {views['label'].unique().to_list()}"
        )
