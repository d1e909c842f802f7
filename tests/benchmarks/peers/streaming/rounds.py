"""Rounds: a way of streaming answers each line on standard input by so many shuffled epochs.

All ways are called as SCRIPT SOURCE OUT. In SOURCE are the same images in every form: `pixels.npy`
(uint8, (views, size, size)), `labels.npy` (int64), `by_label/` (PNG as drawn) and `lake/`; OUT is a
folder of its own, in which a way keeps what it has converted.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

BATCH = 64
WORKERS = 2
SOURCE, OUT = map(Path, sys.argv[1:3])


def load() -> tuple[np.ndarray, np.ndarray]:
    """Return pixels, mapped, and labels."""
    return np.load(SOURCE / "pixels.npy", mmap_mode="r"), np.load(SOURCE / "labels.npy")


def serve(epoch: Callable[[], int]) -> None:
    """Answer each line by the number of images in so many epochs, which `epoch` counts for one."""
    print("ready", flush=True)
    for line in sys.stdin:
        print(sum(epoch() for _ in range(int(line))), flush=True)
