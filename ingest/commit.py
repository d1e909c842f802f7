"""Commit: the tables of a lake are written, then `lake.json`, which makes them the lake."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from shared.errors import LakeError
from shared.images.spec import ImageSpec
from shared.lake import manifest as manifests
from shared.lake.layout import LAKE_FILE
from shared.lake.open import FORMAT_VERSION, Lake, count, open_lake, seal
from shared.storage.atomic import NUM_WRITERS, digest
from shared.storage.store import Store, as_store


class Tables(NamedTuple):
    """The tables of a lake; columns as in `shared.lake.manifest`'s schemas of these names."""

    manifest: pl.DataFrame
    rejects: pl.DataFrame
    findings: pl.DataFrame


def commit(
    place: Path | Store,
    image: ImageSpec,
    layout: dict[str, Any] | None,
    tables: Tables,
) -> Lake:
    """Write the tables, then `lake.json`: from then on this is the lake at `place`.

    A lake that says the same already is left as it is.
    The shards must be there. What an earlier lake left there is not touched.

    Args:
        place: of the lake.
        image: how the images in the shards were made.
        layout: how the paths of the source were read, so that `verify` can read them again.
        tables: of the lake.

    Returns:
        The lake, opened.

    Raises:
        LakeError: in an object store, another ingest has removed files of the lake.
        StoreError: the object store does not answer, or not as it should.
        WriteError: the lake cannot be written.
    """
    manifest, rejects = tables.manifest.sort("view_id"), tables.rejects.sort("path")
    findings = tables.findings.sort("kind", "path")
    store = as_store(place)
    known = _open_if_whole(store)
    if known and (
        known.image == image
        and known.layout == layout
        and known.manifest.equals(manifest)
        and known.rejects.equals(rejects)
        and known.findings.equals(findings)
    ):
        return known
    encoded: list[tuple[str, bytes, int]] = [
        *((f"manifest/{f}", data, rows) for f, data, rows in manifests.encode_partitions(manifest)),
        ("rejects", manifests.encode_table(rejects), rejects.height),
        ("findings", manifests.encode_table(findings), findings.height),
    ]
    shards, counts = set(manifest["shard"].unique()), count(manifest, rejects, findings)
    # the lake is opened from what was written, beside which its sorted tables need not stay
    del tables, manifest, rejects, findings, known
    with ThreadPoolExecutor(NUM_WRITERS) as writers:
        *partitions, rejects_file, findings_file = writers.map(
            _write_table, repeat(store), *zip(*encoded, strict=True)
        )
    store.sync(shards)
    facts = {
        "format_version": FORMAT_VERSION,
        "image": image.to_json(),
        **({"layout": layout} if layout else {}),
        "counts": counts,
        "manifest": partitions,
        "rejects": rejects_file,
        "findings": findings_file,
    }
    if not store.is_local:
        paths = shards | {table["path"] for table in (*partitions, rejects_file, findings_file)}
        refuse_removed(store, paths - store.sizes(paths).keys())
    store.write(LAKE_FILE, seal(facts))
    return open_lake(store)


def refuse_removed(store: Store, missing: Collection[str]) -> None:
    """Refuse a lake of which files are missing that were there before.

    Raises:
        LakeError: some are.
    """
    if missing:
        raise LakeError(
            "Expected to be the only ingest into the lake; run again. "
            f"Received: {store}, from which another has removed {min(missing)}"
        )


def _open_if_whole(store: Store) -> Lake | None:
    try:
        return open_lake(store)
    except LakeError:
        return None


def _write_table(store: Store, folder: str, encoded: bytes, num_rows: int) -> dict[str, Any]:
    content_digest = digest(encoded)
    path = f"{folder}/{content_digest}.parquet"
    if not _holds(store, path, encoded):
        store.write(path, encoded)
    return {"path": path, "digest": content_digest, "rows": num_rows}


def _holds(store: Store, path: str, data: bytes) -> bool:
    try:
        return store.read(path) == data
    except FileNotFoundError:
        return False
