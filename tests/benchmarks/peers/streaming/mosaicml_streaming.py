"""MosaicML streaming: MDS shards, its own shuffle, two workers of PyTorch's loader.

https://docs.mosaicml.com/projects/streaming/en/stable/
"""

import torch_without_cuda  # noqa: F401
from rounds import BATCH, OUT, WORKERS, load, serve
from streaming import MDSWriter, StreamingDataset
from torch.utils.data import DataLoader


def main() -> None:
    pixels, labels = load()
    height, width = pixels.shape[1:]
    columns = {"image": f"ndarray:uint8:{height},{width}", "label": "int"}
    with MDSWriter(out=str(OUT / "mds"), columns=columns) as writer:
        for image, label in zip(pixels, labels, strict=True):
            writer.write({"image": image, "label": int(label)})
    views = StreamingDataset(local=str(OUT / "mds"), shuffle=True, batch_size=BATCH)
    loader = DataLoader(views, batch_size=BATCH, num_workers=WORKERS, persistent_workers=True)
    serve(lambda: sum(len(batch["label"].numpy()) for batch in loader))


if __name__ == "__main__":
    main()
