"""Commit of a lake: its tables first, then `lake.json`, which refers to them."""

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
    """The tables of a lake, with the columns of the schemas in `shared.lake.manifest`."""

    manifest: pl.DataFrame
    rejects: pl.DataFrame
    findings: pl.DataFrame


def commit(
    place: Path | Store,
    image: ImageSpec,
    layout: dict[str, Any] | None,
    tables: Tables,
) -> Lake:
    """Write the tables, then `lake.json`, and open the lake.

    `lake.json` is written last, so an interrupted commit leaves the previous lake intact. The
    shards must exist already. A lake with identical content is not rewritten. Files of an earlier
    lake are not removed.

    Args:
        place: location of the lake.
        image: specification of the stored images.
        layout: path layout of the source; `verify` uses it to check paths.
        tables: tables of the lake.

    Raises:
        LakeError: in an object store, another ingest has removed files of the lake.
        StoreError: the object store does not respond, or returns an error.
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
    # open_lake reads the tables again; free these first to lower the peak memory
    del tables, manifest, rejects, findings, known
    with ThreadPoolExecutor(NUM_WRITERS) as writers:
        *partitions, rejects_file, findings_file = writers.map(
            _write_table, repeat(store), *zip(*encoded, strict=True)
        )
    # the names of shards must be durable before lake.json refers to them
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
    """Raise a LakeError if a concurrent ingest has removed files of the lake."""
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
    # compare the bytes, because an existing file of that name may be damaged
    if not _holds(store, path, encoded):
        store.write(path, encoded)
    return {"path": path, "digest": content_digest, "rows": num_rows}


def _holds(store: Store, path: str, data: bytes) -> bool:
    try:
        return store.read(path) == data
    except FileNotFoundError:
        return False
