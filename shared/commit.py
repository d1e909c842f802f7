"""Commit: the tables of a lake are written, then `lake.json`, which makes them the lake."""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import polars as pl

from shared import manifest as manifests
from shared.errors import LakeError
from shared.files import digest, sync_folder, write_atomically
from shared.image_spec import ImageSpec
from shared.lake import FORMAT_VERSION, Lake, count, open_lake, seal
from shared.layout import LAKE_FILE

_WRITERS = 8
"""Threads that wait for the disk; it makes many small files durable at once as fast as one."""


def commit(
    root: Path,
    image: ImageSpec,
    manifest: pl.DataFrame,
    rejects: pl.DataFrame,
    findings: pl.DataFrame,
) -> Lake:
    """Write the tables, then `lake.json`: from then on this is the lake at `root`.

    A lake that says the same already is left as it is.
    The shards must be there. What an earlier lake left at `root` is not touched.

    Args:
        root: the lake's folder.
        image: how the images in the shards were made.
        manifest: columns as in `shared.manifest.SCHEMA`.
        rejects: columns as in `shared.manifest.REJECTS_SCHEMA`.
        findings: columns as in `shared.manifest.FINDINGS_SCHEMA`.

    Returns:
        The lake, opened.
    """
    manifest, rejects = manifest.sort("view_id"), rejects.sort("path")
    findings = findings.sort("kind", "path")
    known = _open_if_whole(root)
    if known and (
        known.image == image
        and known.manifest.equals(manifest)
        and known.rejects.equals(rejects)
        and known.findings.equals(findings)
    ):
        return known
    tables: list[tuple[str, bytes, int]] = [
        *((f"manifest/{f}", data, rows) for f, data, rows in manifests.encode_partitions(manifest)),
        ("rejects", manifests.encode_table(rejects), rejects.height),
        ("findings", manifests.encode_table(findings), findings.height),
    ]
    shard_folders = {(root / shard).parent for shard in manifest["shard"].unique()}
    with ThreadPoolExecutor(_WRITERS) as writers:
        *partitions, rejects_file, findings_file = writers.map(
            _write_table, repeat(root), *zip(*tables, strict=True)
        )
        list(writers.map(sync_folder, shard_folders))
    facts = {
        "format_version": FORMAT_VERSION,
        "image": image.to_json(),
        "counts": count(manifest, rejects, findings),
        "manifest": partitions,
        "rejects": rejects_file,
        "findings": findings_file,
    }
    write_atomically(root / LAKE_FILE, seal(facts))
    return open_lake(root)


def _open_if_whole(root: Path) -> Lake | None:
    try:
        return open_lake(root)
    except LakeError:
        return None


def _write_table(root: Path, folder: str, encoded: bytes, num_rows: int) -> dict[str, Any]:
    content_digest = digest(encoded)
    path = f"{folder}/{content_digest}.parquet"
    if not _holds(root / path, encoded):
        write_atomically(root / path, encoded)
    return {"path": path, "digest": content_digest, "rows": num_rows}


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data
