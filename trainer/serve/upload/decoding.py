"""Decoding of uploaded views in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from shared.errors import ImageError
from shared.images.pixels import Pixels
from shared.images.spec import ImageSpec
from shared.processes.limited_process import LimitedProcesses
from trainer.inference.image_input import prepare_view
from trainer.serve.upload.reasons import describe
from trainer.serve.upload.uploads import Upload

_ONE_STUDY = "study"


@dataclass(frozen=True)
class DecodedViews:
    """The views of a study.

    Attributes:
        images: uint8 (size, size), one per readable view.
        table: `path`, `study` and `note` of the readable views, in the same order.
        unread: `path`, `study`, `reason` and `detail` of the others.
    """

    images: Sequence[Pixels]
    table: pl.DataFrame
    unread: pl.DataFrame


class ViewDecoder:
    """Decodes and prepares uploads, thread-safe."""

    def __init__(self, spec: ImageSpec, decode_s: float):
        self._spec = spec
        self._processes = LimitedProcesses(
            "shared.images.decode:decode_radiograph", decode_s, spec.decoding_depth
        )

    def start(self) -> None:
        """Start a process in advance, so that the first study does not wait for it."""
        self._processes.start()

    def close(self) -> None:
        """Stop the processes; callable from any thread."""
        self._processes.close()

    def decode(self, uploads: Sequence[Upload]) -> DecodedViews:
        """Decode the views of a study, and clear their bytes."""
        images: list[Pixels] = []
        rows: list[tuple[str, str, str]] = []
        unread: list[tuple[str, str, str, str]] = []
        for upload in uploads:
            try:
                view = prepare_view(self._processes.decode(upload.content), self._spec)
                images.append(view.pixels)
                rows.append((upload.name, view.study, "; ".join(view.notes)))
            except ImageError as error:
                unread.append((upload.name, _ONE_STUDY, error.reason, describe(error.reason)))
            except MemoryError:
                # the decoder was killed, as the kernel does if memory runs out
                unread.append((upload.name, _ONE_STUDY, "too_large", describe("too_large")))
            # free the file's bytes: only the pixels are needed
            upload.content.clear()
        return DecodedViews(
            images,
            _strings(_name_studies(rows), "path", "study", "note"),
            _strings(unread, "path", "study", "reason", "detail"),
        )


def _name_studies(rows: Sequence[tuple[str, str, str]]) -> list[tuple[str, ...]]:
    # if DICOM files have several StudyInstanceUIDs, each is a study, and all other files are one
    is_one = len({study for _, study, _ in rows if study}) <= 1
    return [
        (path, _ONE_STUDY if is_one else study or _ONE_STUDY, note) for path, study, note in rows
    ]


def _strings(rows: Sequence[tuple[str, ...]], *names: str) -> pl.DataFrame:
    return pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row")
