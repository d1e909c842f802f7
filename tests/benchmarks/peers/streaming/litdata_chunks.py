"""LitData: its chunks, its own shuffle, two workers of its loader.

https://github.com/Lightning-AI/litData
"""

import numpy as np
from litdata import StreamingDataLoader, StreamingDataset, optimize
from rounds import BATCH, OUT, WORKERS, load, serve


def view(index: int):
    pixels, labels = load()
    return {"image": np.array(pixels[index]), "label": int(labels[index])}


def main() -> None:
    num_views = len(load()[1])
    folder = str(OUT / "chunks")
    optimize(view, list(range(num_views)), folder, chunk_bytes="64MB", num_workers=WORKERS)
    views = StreamingDataset(folder, shuffle=True)
    loader = StreamingDataLoader(
        views, batch_size=BATCH, num_workers=WORKERS, persistent_workers=True
    )
    serve(lambda: sum(len(batch["label"].numpy()) for batch in loader))


if __name__ == "__main__":
    main()
