"""Decoding of uploaded views in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from shared.errors import ImageError
from shared.images.pixels import Pixels
from shared.images.prepare import prepare
from shared.images.spec import ImageSpec
from shared.processes.limited_process import LimitedProcesses
from trainer.serve.reasons import describe
from trainer.serve.uploads import Upload

_ONE_STUDY = "study"


@dataclass(frozen=True)
class DecodedViews:
    """The views of a study.

    Attributes:
        images: uint8 (size, size), one per readable view.
        table: `path` and `study` of the readable views, in the same order.
        unread: `path`, `study`, `reason` and `detail` of the others.
    """

    images: Sequence[Pixels]
    table: pl.DataFrame
    unread: pl.DataFrame


class ViewDecoder:
    """Decodes and prepares uploads, thread-safe.

    Args:
        spec: preprocessing of the lake's images.
        decode_s: maximum seconds to decode one view.
    """

    def __init__(self, spec: ImageSpec, decode_s: float):
        self._spec = spec
        self._processes = LimitedProcesses("trainer.inference.image_input:decode_grey", decode_s)

    def start(self) -> None:
        """Start a process in advance, so that the first study does not wait for it."""
        self._processes.start()

    def close(self) -> None:
        """Stop the processes; callable from any thread."""
        self._processes.close()

    def decode(self, uploads: Sequence[Upload]) -> DecodedViews:
        """Decode the views of a study, and clear their bytes."""
        images: list[Pixels] = []
        names: list[str] = []
        unread: list[tuple[str, str, str, str]] = []
        for upload in uploads:
            try:
                images.append(prepare(self._processes.decode(upload.content), self._spec))
                names.append(upload.name)
            except ImageError as error:
                unread.append((upload.name, _ONE_STUDY, error.reason, describe(error.reason)))
            except MemoryError:
                # the decoder was killed, as the kernel does if memory runs out
                unread.append((upload.name, _ONE_STUDY, "too_large", describe("too_large")))
            # free the file's bytes: only the pixels are needed
            upload.content.clear()
        return DecodedViews(
            images,
            pl.DataFrame({"path": names}, {"path": pl.String}).with_columns(
                study=pl.lit(_ONE_STUDY)
            ),
            pl.DataFrame(
                unread,
                dict.fromkeys(("path", "study", "reason", "detail"), pl.String),
                orient="row",
            ),
        )
