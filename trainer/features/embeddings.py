"""Embeddings of views by a frozen backbone, computed once and cached on this machine."""

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import platformdirs
import polars as pl

from shared.console import note
from shared.errors import WriteError
from shared.storage.atomic import digest
from shared.storage.sealed import read_sealed, sealed_file
from trainer.features.heads import Matrix
from trainer.models import table

# views per file of the cache; an interrupted run resumes at the first missing file
_CHUNK_VIEWS = 2048


def weights_key(model_name: str, weights: str) -> str:
    """Return a key of a backbone: its weights, the code of models, TensorFlow and Keras.

    Raises:
        WeightsError: there are no weights.
    """
    hashed = hashlib.sha256(model_name.encode())
    # a change in the code of a network can change its embeddings
    for path in sorted(Path(table.__file__).parent.rglob("*.py")):
        hashed.update(path.read_bytes())
    path = table.find_weights(model_name, weights)
    hashed.update(path.read_bytes() if path else b"")
    versions = [version(package) for package in ("tensorflow", "keras")]
    return " ".join([hashed.hexdigest(), *versions])


class EmbeddingCache:
    """The cached embeddings with one key; see `trainer.features.embedder.Embedder.key`."""

    def __init__(self, key: str):
        self._key = key
        self._folder = (
            platformdirs.user_cache_path("mura-lake") / "embeddings" / digest(key.encode())
        )
        read = (_read(path, key) for path in sorted(self._folder.glob("*.sealed")))
        self._tables = [table for table in read if table is not None]

    def missing(self, views: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Yield the views that are not cached, in chunks."""
        cached = pl.concat(table.select("view_id") for table in (views.clear(), *self._tables))
        missing = views.join(cached, on="view_id", how="anti", maintain_order="left")
        return missing.iter_slices(_CHUNK_VIEWS)

    def add(self, views: pl.DataFrame, embeddings: Matrix) -> None:
        """Cache embeddings, float32 (views, n)."""
        table = views.select("view_id").with_columns(embedding=embeddings)
        self._tables.append(table)
        encoded = io.BytesIO()
        table.write_ipc_stream(encoded)
        data = encoded.getvalue()
        try:
            with sealed_file(self._folder / f"{digest(data)}.sealed", self._key) as file:
                file.write(data)
        except WriteError as error:
            note(f"embeddings are not cached and will be computed again: {error}")

    def get(self, views: pl.DataFrame) -> Matrix:
        """Return the embeddings of cached views, float32 (views, n), in their order."""
        # two processes may have cached the same views
        cached = pl.concat(self._tables).unique("view_id")
        found = views.select("view_id").join(cached, on="view_id", maintain_order="left")
        return found["embedding"].to_numpy()


def embed(views: pl.DataFrame, key: str, compute: Callable[[pl.DataFrame], Matrix]) -> Matrix:
    """Return the embeddings of views, float32 (views, n), in order; compute missing ones."""
    cache = EmbeddingCache(key)
    for chunk in cache.missing(views):
        cache.add(chunk, compute(chunk))
    return cache.get(views)


def _read(path: Path, key: str) -> pl.DataFrame | None:
    data = read_sealed(path, key)
    if data is None:
        # a damaged file would be read again by every later run
        with suppress(OSError):
            path.unlink()
        return None
    return pl.read_ipc_stream(io.BytesIO(data))
