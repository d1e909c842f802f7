"""A loop of Pillow into one numpy file, in one process: what a course teaches.

https://pillow.readthedocs.io/en/stable/reference/Image.html
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image


def main(root: str, out: str, size: int) -> None:
    images, labels, view_ids = [], [], []
    for path in sorted(Path(root).rglob("*.png")):
        images.append(np.asarray(Image.open(path).convert("L").resize((size, size))))
        labels.append(int(path.parent.name.endswith("positive")))
        view_ids.append(str(path.relative_to(root)))
    np.save(Path(out) / "images.npy", np.stack(images))
    np.savez(Path(out) / "facts.npz", label=labels, view_id=view_ids)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
