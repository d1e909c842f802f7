"""A test split drawn by patient group, for sources without one."""

import hashlib

import polars as pl

from ingest.duplicates.groups import group_patients
from shared.counts import count
from shared.errors import SourceError
from shared.storage.atomic import digest
from shared.storage.store import Store

_STRATUM = ["body_part", "label"]


def draw_test(views: pl.DataFrame, root: Store, share: float, seed: int) -> pl.DataFrame:
    """Move patient groups from train to valid, until valid has a share of the views.

    The draw is stratified by body part and by whether a group has an abnormal view.

    Args:
        views: columns as in `ingest.scan.scan_tree.SCHEMA`.
        root: location of the files; files of equal size are read to find copies.

    Raises:
        SourceError: the views have a test already.
    """
    tested = views.filter(split="valid")
    if tested.height:
        raise SourceError(
            "Expected no test with test_share, which draws one. "
            f"Received: {count(tested.height, 'views')} of the test, such as {tested['view_id'][0]}"
        )
    # patients who share a file are one group, as in `ingest.duplicates`
    grouped = group_patients(views.with_columns(pixel_digest=_identify(views, root)))
    groups = grouped.group_by("group").agg(pl.len(), pl.min("body_part"), pl.max("label"))
    # the order of a hash of seed and group depends neither on the order of the files nor on the
    # machine
    seeded = [f"{seed}/{group}".encode() for group in groups["group"]]
    hashes = [hashlib.blake2b(each, digest_size=8).hexdigest() for each in seeded]
    drawn = [
        group
        for stratum in groups.with_columns(pl.Series("hash", hashes)).partition_by(_STRATUM)
        for group in _draw(stratum.sort("hash"), share)
    ]
    is_drawn = grouped["group"].is_in(drawn)
    split = pl.when(is_drawn).then(pl.lit("valid")).otherwise(pl.lit("train"))
    return views.with_columns(split.alias("split"))


def _identify(views: pl.DataFrame, root: Store) -> pl.Series:
    """Return the digests of files of equal size, and the paths of all others."""
    paths = zip(views["view_id"], views["source_bytes"].is_unique(), strict=True)
    found = (path if is_alone else _digest(root, path) for path, is_alone in paths)
    return pl.Series(found, dtype=pl.String)


def _digest(root: Store, path: str) -> str:
    try:
        return digest(root.read(path))
    except OSError:
        # decoding rejects the file with the reason
        return path


def _draw(stratum: pl.DataFrame, share: float) -> pl.Series:
    """Return the first groups, to the number of views nearest to the share; never all, if two."""
    if share == 0 or stratum.height < 2:
        return stratum["group"].head(0)
    middle = pl.col("len").cum_sum() - pl.col("len") / 2
    num_drawn = stratum.filter(middle < share * pl.col("len").sum()).height
    return stratum["group"].head(min(max(num_drawn, 1), stratum.height - 1))
