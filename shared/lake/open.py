"""The `Lake` class, and the reader of a lake's tables."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from shared.errors import CorruptLakeError, LakeError
from shared.images.spec import ImageSpec
from shared.lake import manifest as manifests
from shared.lake.download_cache import ShardCache
from shared.lake.lake_json import FORMAT_VERSION, count, seal
from shared.lake.layout import LAKE_FILE, is_own_path
from shared.storage.atomic import digest
from shared.storage.json_text import parse_object
from shared.storage.object_store.bucket import REQUESTS
from shared.storage.store import Store, as_store

# enough of a foreign value to recognize it in a one-line message
_SHOWN_CHARS = 400


@dataclass(frozen=True)
class Lake:
    """An opened lake.

    Attributes:
        digest: digest of `lake.json`, and so of all content of the lake.
        manifest: sorted by `view_id`; see `shared.lake.manifest.SCHEMA`.
        rejects: rejected files; see `shared.lake.manifest.REJECTS_SCHEMA`.
        findings: irregularities of the source; see `shared.lake.manifest.FINDINGS_SCHEMA`.
        files: paths of all files of the lake, relative to `store`.
        layout: interpretation of the source paths, or None if `lake.json` has none.
        cache: cache of object-store shards, or None.
    """

    store: Store
    digest: str
    image: ImageSpec
    manifest: pl.DataFrame
    rejects: pl.DataFrame
    findings: pl.DataFrame
    files: frozenset[str] = field(repr=False)
    layout: dict[str, Any] | None = None
    cache: ShardCache | None = field(default=None, repr=False)

    @property
    def root(self) -> Path:
        """Folder of the lake; a LakeError if it is in an object store."""
        if self.store.is_local:
            return self.store.local_path("")
        raise LakeError(f"Expected a lake in a folder. Received: lake={self.store}")


def open_lake(place: str | Path | Store) -> Lake:
    """Open a lake, in a folder or at an object-store URL, and check its tables against `lake.json`.

    Raises:
        LakeError: there is no lake, or its format version is not supported.
        CorruptLakeError: a table is missing or differs from `lake.json`.
        StoreError: the object store fails.
    """
    store = as_store(place)
    while True:
        encoded_json = _read_lake_file(store)
        try:
            return _open(store, encoded_json)
        except CorruptLakeError:
            # an ingest may have committed a new lake and removed the old tables in the meantime
            if _read_lake_file(store) == encoded_json:
                raise


def _read_lake_file(store: Store) -> bytes:
    try:
        return store.read(LAKE_FILE)
    except FileNotFoundError:
        if not store.is_local:
            store.require()
        raise LakeError(
            f"Expected a lake (a folder with {LAKE_FILE}); `just ingest ROOT` creates one. "
            f"Received: lake={store}"
        ) from None


def _open(store: Store, encoded_json: bytes) -> Lake:
    try:
        content = parse_object(encoded_json)
        version = content["format_version"]
        if version != FORMAT_VERSION:
            raise LakeError(
                f"Expected a lake of format {FORMAT_VERSION}; `just ingest` rebuilds an "
                "older one, and a newer one needs a newer mura-lake. "
                f"Received: format_version={_show(version)} in {store.where(LAKE_FILE)}"
            )
        own_digest = content.pop("digest")
        if seal(content) != encoded_json:
            raise ValueError("its digest differs")
        partitions: list[dict[str, Any]] = content["manifest"]
        tables = [*partitions, content["rejects"], content["findings"]]
        _check_paths(tables)
        with ThreadPoolExecutor(REQUESTS) as readers:
            encoded = list(readers.map(partial(_read_table, store), tables))
        decoded = [
            manifests.decode_partition(str(Path(table["path"]).parent), data)
            for table, data in zip(partitions, encoded[:-2], strict=True)
        ]
        manifest = pl.concat(decoded or [pl.DataFrame(schema=manifests.SCHEMA)]).sort("view_id")
        rejects = manifests.decode_table(encoded[-2], manifests.REJECTS_SCHEMA)
        findings = manifests.decode_table(encoded[-1], manifests.FINDINGS_SCHEMA)
        if content["counts"] != (counts := count(manifest, rejects, findings)):
            raise ValueError(f"expected the counts {content['counts']}, received {counts}")
        image = ImageSpec.from_json(content["image"])
        layout = content.get("layout")
        if not isinstance(content.get("layout", {}), dict | None):
            raise TypeError(f"{layout!r} is not a layout")
        if image.encoding == "raw" and (manifest["image_bytes"] != image.num_bytes).any():
            raise ValueError(f"expected raw images of {image.num_bytes} bytes")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptLakeError(f"{store.where(LAKE_FILE)} is damaged: {_show(error)}") from None
    files = {LAKE_FILE, *(table["path"] for table in tables), *manifest["shard"].unique()}
    return Lake(store, own_digest, image, manifest, rejects, findings, frozenset(files), layout)


def _check_paths(tables: Sequence[Mapping[str, Any]]) -> None:
    # a foreign path could lead outside of the lake
    for table in tables:
        path: object = table["path"]
        if not (isinstance(path, str) and is_own_path(path)) or Path(path).stem != table["digest"]:
            raise ValueError(f"{path!r} is not the path of a table")


def _show(found: object) -> str:
    return repr(found)[:_SHOWN_CHARS]


def _read_table(store: Store, table: dict[str, Any]) -> bytes:
    where = store.where(table["path"])
    try:
        data = store.read(table["path"])
    except FileNotFoundError:
        raise CorruptLakeError(f"{where} is missing") from None
    if digest(data) != table["digest"]:
        raise CorruptLakeError(
            f"Expected the digest {table['digest']}. Received: {digest(data)} for {where}"
        )
    return data
