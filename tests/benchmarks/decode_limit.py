"""The limit of ingest: read, decode and resize in two processes and write nothing; OpenCV alone.

Called as ROOT SIZE. It imports nothing of the project, and so starts as fast as can be.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

WORKERS = 2
BLOCK = 50


def decode(paths: list[str], size: int) -> None:
    cv2.setNumThreads(1)
    for path in paths:
        encoded = np.frombuffer(Path(path).read_bytes(), np.uint8)
        grey = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
        height, width = grey.shape
        scale = size / max(height, width)
        target = (max(1, round(width * scale)), max(1, round(height * scale)))
        cv2.resize(grey, target, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def main(root: str, size: int) -> None:
    paths = sorted(map(str, Path(root).rglob("*.png")))
    blocks = [paths[start : start + BLOCK] for start in range(0, len(paths), BLOCK)]
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        list(pool.map(decode, blocks, [size] * len(blocks)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
