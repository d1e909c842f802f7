"""The lake: what its `lake.json` says, and how it is opened."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from shared import manifest as manifests
from shared.errors import CorruptLakeError, LakeError
from shared.files import digest
from shared.image_spec import ImageSpec
from shared.layout import LAKE_FILE

FORMAT_VERSION = 2


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
        own_digest = facts.pop("digest")
        if seal(facts) != facts_bytes:
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
        if facts["counts"] != (counts := count(manifest, rejects, findings)):
            raise ValueError(f"expected the counts {facts['counts']}, received {counts}")
        image = ImageSpec.from_json(facts["image"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptLakeError(
            f"{root / LAKE_FILE} is not as it was committed: {error!r}"
        ) from None
    files = {LAKE_FILE, *(table["path"] for table in tables), *manifest["shard"].unique()}
    return Lake(root, own_digest, image, manifest, rejects, findings, frozenset(files))


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


def seal(facts: dict[str, Any]) -> bytes:
    """Encode the facts with a digest of themselves, so that no byte can change unseen."""
    own_digest = digest(json.dumps(facts).encode())
    return (json.dumps({**facts, "digest": own_digest}, indent=2) + "\n").encode()


def count(manifest: pl.DataFrame, rejects: pl.DataFrame, findings: pl.DataFrame) -> dict[str, Any]:
    """Return the counts that stand in `lake.json`; they close: found = written + rejected."""
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
