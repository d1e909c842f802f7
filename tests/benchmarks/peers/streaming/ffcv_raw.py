"""FFCV: raw arrays in its own file, a permutation, compiled copies in two threads.

https://docs.ffcv.io/
"""

import torch_without_cuda  # noqa: F401, I001
import numpy as np
from ffcv.fields import IntField, NDArrayField
from ffcv.fields.decoders import IntDecoder, NDArrayDecoder
from ffcv.loader import Loader, OrderOption
from ffcv.writer import DatasetWriter
from rounds import BATCH, OUT, WORKERS, load, serve


class Views:
    def __init__(self):
        self.pixels, self.labels = load()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int):
        return np.array(self.pixels[index]), int(self.labels[index])


def main() -> None:
    views = Views()
    fields = {"image": NDArrayField(np.dtype("uint8"), views.pixels.shape[1:]), "label": IntField()}
    path = str(OUT / "views.beton")
    DatasetWriter(path, fields, num_workers=WORKERS).from_indexed_dataset(views)
    loader = Loader(
        path,
        batch_size=BATCH,
        num_workers=WORKERS,
        order=OrderOption.RANDOM,
        os_cache=True,
        drop_last=False,
        pipelines={"image": [NDArrayDecoder()], "label": [IntDecoder()]},
    )
    serve(lambda: sum(len(labels) for _, labels in loader))


if __name__ == "__main__":
    main()
