"""Download: files of weights as their makers publish them, kept where Keras keeps them."""

import hashlib
import os
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from shared.console import Progress
from shared.errors import WeightsError
from shared.files import write_atomically
from shared.store import as_path

_TIMEOUT_S = 10
"""Who has not answered for so long will not: closed networks drop what they do not let out."""
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Published:
    """A file that lies at an address.

    Attributes:
        url: where.
        md5: of its content, as the maker tells it; None where the maker tells none.
    """

    url: str
    md5: str | None = None

    @property
    def path(self) -> Path:
        """Where Keras keeps it on this machine."""
        folder = os.environ.get("KERAS_HOME", "~/.keras")
        return as_path("KERAS_HOME", folder) / "models" / self.url.rpartition("/")[2]

    def find(self) -> Path:
        """Return the file; download it where it is not on this machine yet.

        Raises:
            WeightsError: it cannot be downloaded, or is not what its maker published.
            WriteError: there is no room for it.
        """
        is_here = self.path.exists()
        data = self.path.read_bytes() if is_here else self._download()
        received = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if received != (self.md5 or received):
            raise WeightsError(f"Expected the MD5 {self.md5}. Received: {received} for {self.path}")
        if not is_here:
            write_atomically(self.path, data)
        return self.path

    def _download(self) -> bytes:
        try:
            with urllib.request.urlopen(self.url, timeout=_TIMEOUT_S) as response:
                num_bytes = response.length or 0
                with Progress(f"download {self.path.name}", num_bytes, "bytes") as progress:
                    chunks: list[bytes] = []
                    while chunk := response.read(_CHUNK_BYTES):
                        chunks.append(chunk)
                        progress.advance(len(chunk))
            data = b"".join(chunks)
            if len(data) < num_bytes:
                raise OSError(f"{len(data)} of {num_bytes} bytes")
            return data
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError):
                error.close()
            raise WeightsError(
                f"Expected pretrained weights at {self.path}, or a network to download them. "
                f"Bring the file there from {self.url}, or name it by weights=, or start from "
                f"random weights by weights=none. Received: {error}"
            ) from None
