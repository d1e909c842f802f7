"""Content of `lake.json`: format version, counts, and the digest that seals it."""

import json
from typing import Any

import polars as pl

from shared.lake.manifest import PUBLISHED
from shared.storage.atomic import digest

FORMAT_VERSION = 2


def seal(content: dict[str, Any]) -> bytes:
    """Encode `lake.json` with its own digest, so that any change is detected."""
    own_digest = digest(json.dumps(content).encode())
    return (json.dumps({**content, "digest": own_digest}, indent=2) + "\n").encode()


def count(manifest: pl.DataFrame, rejects: pl.DataFrame, findings: pl.DataFrame) -> dict[str, Any]:
    """Return the counts stored in `lake.json`, with found = written + rejected."""
    corrected: dict[str, int] = {}
    if PUBLISHED in manifest.columns:
        corrected["labels_corrected"] = int((manifest["label"] != manifest[PUBLISHED]).sum())
    return {
        "found": manifest.height + rejects.height,
        "written": manifest.height,
        "rejected": rejects.height,
        "shards": manifest["shard"].n_unique(),
        "rejects_by_reason": _count_values(rejects["reason"]),
        "findings_by_kind": _count_values(findings["kind"]),
        **corrected,
    }


def _count_values(values: pl.Series) -> dict[str, int]:
    return dict(values.value_counts().sort(values.name).iter_rows())
