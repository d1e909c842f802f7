"""MosaicML streaming: MDS shards, its own shuffle, two workers of PyTorch's loader.

https://docs.mosaicml.com/projects/streaming/en/stable/
"""

import torch
from rounds import BATCH, OUT, WORKERS, load, serve
from torch.utils.data import DataLoader

if not torch.version.cuda:
    # torchvision's own library, which declares this, is made for PyTorch with CUDA
    operators = torch.library.Library("torchvision", "DEF")
    operators.define("nms(Tensor boxes, Tensor scores, float threshold) -> Tensor")

from streaming import MDSWriter, StreamingDataset


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
