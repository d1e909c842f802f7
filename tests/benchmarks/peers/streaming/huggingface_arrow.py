"""Hugging Face datasets: a mapped Arrow table, rows taken by a permutation, in process.

A column of bytes, because arrays of two dimensions are turned into NumPy row by row.
https://huggingface.co/docs/datasets/about_arrow
"""

import numpy as np
from datasets import Dataset, load_from_disk
from rounds import BATCH, OUT, load, serve

pixels, labels = load()
images = (image.tobytes() for image in pixels)
Dataset.from_dict({"image": list(images), "label": labels}).save_to_disk(OUT / "dataset")
dataset = load_from_disk(OUT / "dataset").with_format("arrow")
rng = np.random.default_rng(0)


def epoch() -> int:
    order = rng.permutation(len(dataset))
    count = 0
    for start in range(0, len(order), BATCH):
        table = dataset[order[start : start + BATCH]].combine_chunks()
        column = table["image"].chunk(0)
        begin = column.offset * pixels[0].size
        stored = np.frombuffer(column.buffers()[2], np.uint8, len(column) * pixels[0].size, begin)
        _, batch_labels = stored.reshape(-1, *pixels.shape[1:]), table["label"].to_numpy()
        count += len(batch_labels)
    return count


serve(epoch)
