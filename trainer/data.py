"""Data: the views of a lake that a run is about; MURA's own split into train and test."""

from dataclasses import dataclass, replace

import polars as pl

from shared.cache import GB, ShardCache
from shared.console import note
from shared.errors import TrainingError
from shared.lake import Lake, open_lake
from shared.shards import rows_by_shard
from shared.store import as_path
from shared.vocabulary import BODY_PARTS, SPLITS
from trainer.options import DataOptions


@dataclass(frozen=True)
class Data:
    """What a run trains on and what it is scored on; rows of the lake's manifest.

    Attributes:
        lake: where the pixels are.
        train: of MURA's train split.
        test: MURA's official valid split; may be empty.
    """

    lake: Lake
    train: pl.DataFrame
    test: pl.DataFrame


def open_data(options: DataOptions) -> Data:
    """Open a lake and select the views of a body part, or of `all`.

    Patients with a view anywhere in the official valid split give none to train, nor does an image
    of that split.

    Raises:
        LakeError: there is no lake, or it is damaged.
        StoreError: an object store does not answer, or the cache is too small for the views.
        TrainingError: the train split has no such views, or of one label only.
    """
    lake, part = open_lake(options.lake), options.part
    train = lake.manifest.filter(split="train")
    clean, test = leave_out_tested(lake.manifest)
    if leaking := train.height - clean.height:
        note(f"{leaking:,} train views left out: their patients or images are in the valid split")
    if part != "all":
        clean, test = clean.filter(body_part=part), test.filter(body_part=part)
    if clean.is_empty():
        present = [name for name in BODY_PARTS if name in train["body_part"]]
        raise TrainingError(
            f"Expected train views of part={part}. Received: {lake.store}, a lake of "
            f"{', '.join(present) or 'no train views'}"
        )
    check_labels(clean, f"the train split of part={part}")
    return Data(with_cache(lake, options, pl.concat([clean, test])), clean, test)


def with_cache(lake: Lake, options: DataOptions, views: pl.DataFrame) -> Lake:
    """Return the lake, which keeps the shards of views where the options say, if they do.

    Raises:
        StoreError: the cache is too small for them.
        WriteError: the cache is no folder, or cannot be made.
    """
    if not options.cache:
        return lake
    cache = ShardCache(as_path("cache", options.cache), int(options.cache_gb * GB))
    cache.require_folder()
    cache.require_room(rows_by_shard(lake.manifest, views["shard"]))
    return replace(lake, cache=cache)


def leave_out_tested(manifest: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the train views whose group and image are not in the valid split, and the valid views.

    Ingest leaves such views out; lakes of earlier versions, or made otherwise, may have some.
    """
    train, valid = (manifest.filter(split=split) for split in SPLITS)
    clean = train
    for key in ("group", "patient_id", "pixel_digest"):
        clean = clean.join(valid, on=key, how="anti", maintain_order="left")
    return clean, valid


def check_labels(views: pl.DataFrame, place: str) -> None:
    """Refuse views that no classifier can learn from.

    Raises:
        TrainingError: there is no view of one of the labels.
    """
    if views["label"].n_unique() < 2:
        raise TrainingError(
            f"Expected normal and abnormal views in {place}. "
            f"Received: {views.height} views, labels {views['label'].unique().to_list()}"
        )
