"""Commit of a lake: its tables first, then `lake.json`, which refers to them."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from shared.errors import LakeError
from shared.images.spec import ImageSpec
from shared.lake import manifest as manifests
from shared.lake.lake_json import FORMAT_VERSION, count, seal
from shared.lake.layout import LAKE_FILE
from shared.lake.open import Lake, open_lake
from shared.storage.atomic import NUM_WRITERS, digest
from shared.storage.store import Store, as_store


class Tables(NamedTuple):
    """The tables of a lake, with the columns of the schemas in `shared.lake.manifest`."""

    manifest: pl.DataFrame
    rejects: pl.DataFrame
    findings: pl.DataFrame


def commit(
    place: Path | Store, image: ImageSpec, layout: dict[str, Any] | None, tables: Tables
) -> Lake:
    """Write the tables, then `lake.json`, and open the lake; its shards must exist already.

    Args:
        layout: path layout of the source; `verify` uses it to check paths.

    Raises:
        LakeError: in an object store, another ingest has removed files of the lake.
        StoreError: the object store does not respond, or returns an error.
        WriteError: the lake cannot be written.
    """
    store = as_store(place)
    # equal tables must give equal bytes
    sorted_by = ("view_id", "path", ("kind", "path"))
    tables = Tables(*(table.sort(by) for table, by in zip(tables, sorted_by, strict=True)))
    # a lake with identical content is not rewritten
    if unchanged := _find_unchanged(store, image, layout, tables):
        return unchanged
    shards = set(tables.manifest["shard"].unique())
    content: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "image": image.to_json(),
        **({"layout": layout} if layout else {}),
        "counts": count(*tables),
        **_write_tables(store, tables),
    }
    # open_lake reads the tables again; free these first to lower the peak memory
    del tables
    # the names of shards must be durable before lake.json refers to them
    store.sync(shards)
    if not store.is_local:
        written = (*content["manifest"], content["rejects"], content["findings"])
        paths = shards | {table["path"] for table in written}
        refuse_removed(store, paths - store.sizes(paths).keys())
    # last, so an interrupted commit leaves the previous lake intact
    store.write(LAKE_FILE, seal(content))
    return open_lake(store)


def _find_unchanged(
    store: Store, image: ImageSpec, layout: dict[str, Any] | None, tables: Tables
) -> Lake | None:
    try:
        lake = open_lake(store)
    except LakeError:
        return None
    existing = (lake.manifest, lake.rejects, lake.findings)
    is_same = (lake.image, lake.layout) == (image, layout) and all(
        old.equals(new) for old, new in zip(existing, tables, strict=True)
    )
    return lake if is_same else None


def refuse_removed(store: Store, missing: Collection[str]) -> None:
    """Raise a LakeError if a concurrent ingest has removed files of the lake."""
    if missing:
        raise LakeError(
            "Expected no other ingest into the lake; run again. "
            f"Received: {store}, from which another ingest has removed {min(missing)}"
        )


def _write_tables(store: Store, tables: Tables) -> dict[str, Any]:
    partitions = manifests.encode_partitions(tables.manifest)
    encoded: list[tuple[str, bytes, int]] = [
        *((f"manifest/{folder}", data, num_rows) for folder, data, num_rows in partitions),
        ("rejects", manifests.encode_table(tables.rejects), tables.rejects.height),
        ("findings", manifests.encode_table(tables.findings), tables.findings.height),
    ]
    with ThreadPoolExecutor(NUM_WRITERS) as writers:
        *manifest, rejects, findings = writers.map(partial(_write_table, store), encoded)
    return {"manifest": manifest, "rejects": rejects, "findings": findings}


def _write_table(store: Store, table: tuple[str, bytes, int]) -> dict[str, Any]:
    folder, encoded, num_rows = table
    content_digest = digest(encoded)
    path = f"{folder}/{content_digest}.parquet"
    # an existing file of that name may be damaged
    try:
        is_stored = store.read(path) == encoded
    except FileNotFoundError:
        is_stored = False
    if not is_stored:
        store.write(path, encoded)
    return {"path": path, "digest": content_digest, "rows": num_rows}
