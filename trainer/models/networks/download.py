"""Download published weights, and store them in the cache folder of Keras."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from shared.errors import WeightsError
from shared.progress import Progress
from shared.storage.atomic import write_atomically
from shared.storage.store import as_path

# firewalls often drop packets without a reply, so a longer wait would not help
_TIMEOUT_S = 10
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class PublishedWeights:
    """A published file of weights; `md5` is None if no digest was published."""

    url: str
    md5: str | None = None

    @property
    def path(self) -> Path:
        """The path of the file in the cache folder of Keras."""
        folder = os.environ.get("KERAS_HOME", "~/.keras")
        return as_path("KERAS_HOME", folder) / "models" / self.url.rpartition("/")[2]

    def find(self) -> Path:
        """Return the path of the file; download it if it is not cached.

        Raises:
            WeightsError: it cannot be downloaded, or its digest differs from the published one.
        """
        is_cached = self.path.exists()
        data = self.path.read_bytes() if is_cached else self._download()
        # FIPS builds of OpenSSL refuse MD5 unless it is marked as not for security
        received = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if received != (self.md5 or received):
            raise WeightsError(f"Expected the MD5 {self.md5}. Received: {received} for {self.path}")
        if not is_cached:
            write_atomically(self.path, data)
        return self.path

    def _download(self) -> bytes:
        # late, as this module is imported with the options of every command
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import urlopen

        try:
            with urlopen(self.url, timeout=_TIMEOUT_S) as response:
                num_bytes = response.length or 0
                with Progress(f"download {self.path.name}", num_bytes, "bytes") as progress:
                    chunks: list[bytes] = []
                    while chunk := response.read(_CHUNK_BYTES):
                        chunks.append(chunk)
                        progress.advance(len(chunk))
            data = b"".join(chunks)
            # http.client returns what it has when a connection closes early
            if len(data) < num_bytes:
                raise OSError(f"{len(data)} of {num_bytes} bytes")
            return data
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError):
                # an HTTPError holds an open connection
                error.close()
            raise WeightsError(
                f"Expected pretrained weights at {self.path}, or a network connection to download "
                f"them from {self.url}; alternatives: weights=FILE, or weights=none for random "
                f"weights. Received: {error}"
            ) from None
