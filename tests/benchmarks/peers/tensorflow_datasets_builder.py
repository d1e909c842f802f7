"""tensorflow-datasets: a GeneratorBasedBuilder, OpenCV, a Tensor feature in TFRecords.

One process, which is what the builder offers without Apache Beam.
https://www.tensorflow.org/datasets/add_dataset
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tensorflow_datasets as tfds


class Mura(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, root: Path, size: int, **kwargs: Any):
        self.root, self.size = root, size
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Tensor(shape=(self.size, self.size, 1), dtype=np.uint8),
                "label": tfds.features.ClassLabel(names=["normal", "abnormal"]),
                "view_id": tfds.features.Text(),
            }
        )
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {split: self._generate_examples(split) for split in ("train", "valid")}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for path in sorted((self.root / split).rglob("*.png")):
            grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            image = cv2.resize(grey, (self.size, self.size), interpolation=cv2.INTER_AREA)
            view_id = path.relative_to(self.root).as_posix()
            label = int(path.parent.name.endswith("positive"))
            yield view_id, {"image": image[..., None], "label": label, "view_id": view_id}


def main(root: str, out: str, size: int) -> None:
    Mura(Path(root), size, data_dir=out).download_and_prepare()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
