"""Hugging Face datasets: `Dataset.from_generator` in two processes, Pillow, a fixed-size column.

A list in `gen_kwargs` is what `num_proc` shares out; `save_to_disk` copies the cache to its place.
https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.Dataset.from_generator
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Array2D, ClassLabel, Dataset, Features, Value
from PIL import Image

WORKERS = 2


def views(paths: list[str], root: str, size: int) -> Iterator[dict[str, Any]]:
    for path in map(Path, paths):
        yield {
            "image": np.asarray(Image.open(path).convert("L").resize((size, size))),
            "label": int(path.parent.name.endswith("positive")),
            "view_id": str(path.relative_to(root)),
        }


def main(root: str, out: str, size: int) -> None:
    features = Features(
        image=Array2D((size, size), "uint8"),
        label=ClassLabel(names=["normal", "abnormal"]),
        view_id=Value("string"),
    )
    paths = sorted(map(str, Path(root).rglob("*.png")))
    dataset = Dataset.from_generator(
        views,
        features=features,
        cache_dir=f"{out}/cache",
        gen_kwargs={"paths": paths, "root": root, "size": size},
        num_proc=WORKERS,
    )
    dataset.save_to_disk(f"{out}/dataset", num_proc=WORKERS)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
