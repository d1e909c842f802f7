"""webdataset: one ShardWriter a process, two processes, OpenCV; raw pixels beside JSON in tars.

Raw bytes under the extension `bin`, because `npy` costs its encoder a copy more.
https://webdataset.github.io/webdataset/creating/
"""

import sys
from multiprocessing import Pool
from pathlib import Path

import cv2
import webdataset

WORKERS = 2


def write(worker: int, root: str, out: str, size: int) -> None:
    cv2.setNumThreads(1)
    paths = sorted(Path(root).rglob("*.png"))[worker::WORKERS]
    pattern = f"{out}/views-{worker}-%06d.tar"
    with webdataset.ShardWriter(pattern, maxcount=1000, verbose=0) as shards:
        for path in paths:
            grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            image = cv2.resize(grey, (size, size), interpolation=cv2.INTER_AREA)
            view_id = path.relative_to(root).with_suffix("").as_posix()
            label = int(path.parent.name.endswith("positive"))
            facts = {"label": label, "view_id": view_id}
            shards.write({"__key__": view_id, "bin": image.tobytes(), "json": facts})


def main(root: str, out: str, size: int) -> None:
    with Pool(WORKERS) as pool:
        pool.starmap(write, [(worker, root, out, size) for worker in range(WORKERS)])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
