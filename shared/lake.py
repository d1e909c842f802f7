"""The lake: how it is committed and how it is opened."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import polars as pl

from shared import manifest as manifests
from shared.errors import CorruptLakeError, LakeError
from shared.files import digest, sync_folder, write_atomically
from shared.image_spec import ImageSpec
from shared.layout import LAKE_FILE

FORMAT_VERSION = 2

_WRITERS = 8
"""Threads that wait for the disk; it makes many small files durable at once as fast as one."""


@dataclass(frozen=True)
class Lake:
    """An opened lake.

    Attributes:
        root: its folder.
        digest: of what `lake.json` says, and so of everything that the lake holds.
        image: how its images were made.
        manifest: one row a view, columns as in `shared.manifest.SCHEMA`, sorted by `view_id`.
        rejects: files that did not get in, columns as in `shared.manifest.REJECTS_SCHEMA`.
        findings: what is odd about the tree, columns as in `shared.manifest.FINDINGS_SCHEMA`.
        files: every file of the lake, relative to `root`.
    """

    root: Path
    digest: str
    image: ImageSpec
    manifest: pl.DataFrame
    rejects: pl.DataFrame
    findings: pl.DataFrame
    files: frozenset[str] = field(repr=False)


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
        "counts": _count(manifest, rejects, findings),
        "manifest": partitions,
        "rejects": rejects_file,
        "findings": findings_file,
    }
    write_atomically(root / LAKE_FILE, _seal(facts))
    return open_lake(root)


def _open_if_whole(root: Path) -> Lake | None:
    try:
        return open_lake(root)
    except LakeError:
        return None


def _seal(facts: dict[str, Any]) -> bytes:
    """Encode the facts with a digest of themselves, so that no byte can change unseen."""
    seal = digest(json.dumps(facts).encode())
    return (json.dumps({**facts, "digest": seal}, indent=2) + "\n").encode()


def _write_table(root: Path, folder: str, encoded: bytes, num_rows: int) -> dict[str, Any]:
    content_digest = digest(encoded)
    path = f"{folder}/{content_digest}.parquet"
    if not _holds(root / path, encoded):
        write_atomically(root / path, encoded)
    return {"path": path, "digest": content_digest, "rows": num_rows}


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def open_lake(root: Path) -> Lake:
    """Open the lake at `root`, whole: its tables are checked against `lake.json`.

    Raises:
        LakeError: there is no lake at `root`, or it is of another format.
        CorruptLakeError: a table is missing or not what `lake.json` says.
    """
    while True:
        facts_bytes = _read_lake_file(root)
        try:
            return _open(root, facts_bytes)
        except CorruptLakeError:
            # a new lake may have been committed and the old one's tables removed on the way
            if _read_lake_file(root) == facts_bytes:
                raise


def _read_lake_file(root: Path) -> bytes:
    try:
        return (root / LAKE_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise LakeError(
            f"Expected a lake (a folder with {LAKE_FILE}); `just ingest ROOT` makes one. "
            f"Received: lake={root}"
        ) from None


def _open(root: Path, facts_bytes: bytes) -> Lake:
    try:
        facts = json.loads(facts_bytes)
        version = facts["format_version"]
        if version != FORMAT_VERSION:
            raise LakeError(
                f"Expected a lake of format {FORMAT_VERSION}; `just ingest` makes an older one "
                "anew, and a newer one needs a newer mura-lake. "
                f"Received: format_version={version} in {root / LAKE_FILE}"
            )
        seal = facts.pop("digest")
        if _seal(facts) != facts_bytes:
            raise ValueError("its digest differs")
        tables: list[dict[str, Any]] = [*facts["manifest"], facts["rejects"], facts["findings"]]
        encoded = [_read_table(root, table) for table in tables]
        manifest = manifests.concat(
            [
                manifests.decode_partition(str(Path(table["path"]).parent), data)
                for table, data in zip(facts["manifest"], encoded[:-2], strict=True)
            ]
        )
        rejects, findings = (pl.read_parquet(io.BytesIO(table)) for table in encoded[-2:])
        if facts["counts"] != (counts := _count(manifest, rejects, findings)):
            raise ValueError(f"expected the counts {facts['counts']}, received {counts}")
        image = ImageSpec.from_json(facts["image"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptLakeError(
            f"{root / LAKE_FILE} is not as it was committed: {error!r}"
        ) from None
    files = {LAKE_FILE, *(table["path"] for table in tables), *manifest["shard"].unique()}
    return Lake(root, seal, image, manifest, rejects, findings, frozenset(files))


def _read_table(root: Path, table: dict[str, Any]) -> bytes:
    path = root / table["path"]
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CorruptLakeError(f"{path} is missing") from None
    if digest(data) != table["digest"]:
        raise CorruptLakeError(
            f"Expected the digest {table['digest']}. Received: {digest(data)} for {path}"
        )
    return data


def _count(manifest: pl.DataFrame, rejects: pl.DataFrame, findings: pl.DataFrame) -> dict[str, Any]:
    return {
        "found": manifest.height + rejects.height,
        "written": manifest.height,
        "rejected": rejects.height,
        "shards": manifest["shard"].n_unique(),
        "rejects_by_reason": _count_values(rejects["reason"]),
        "findings_by_kind": _count_values(findings["kind"]),
    }


def _count_values(words: pl.Series) -> dict[str, int]:
    return dict(words.value_counts().sort(words.name).iter_rows())
