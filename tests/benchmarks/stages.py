"""What each stage of a view's way costs: time of processors, which others on the machine disturb
least. One process and, but for networks, one thread.

    python -m tests.benchmarks.stages TREE LAKE
"""

import json
import math
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ingest.plan import plan_shards
from ingest.scan.scan_tree import scan_tree
from ingest.sources.mura import MuraLayout
from ingest.write.shard import write_shard
from ingest.write.tasks import Job, PlannedView, ShardTask
from shared.images.decode import decode_radiograph
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import ImageSpec
from shared.lake.open import open_lake
from shared.lake.reader import ViewReader
from shared.storage.store import as_store

_BATCH = 32
_REPEATS = 3
_TRAINED = ("cnn4", "resnet_small", "efficientnet_lite0")


def main(tree: str, lake: str) -> None:
    cv2.setNumThreads(1)
    image = ImageSpec()
    scan = scan_tree(tree, MuraLayout())
    files = [Path(str(scan.root)) / view_id for view_id in scan.views["view_id"]]
    encoded = [file.read_bytes() for file in files]
    decoded = [decode_radiograph(data).grey for data in encoded]
    costs = {
        "scan": _cost(len(files), lambda: scan_tree(tree, MuraLayout())),
        "read": _cost(len(files), lambda: _each(Path.read_bytes, files)),
        "decode": _cost(len(files), lambda: _each(decode_radiograph, encoded)),
        "resize": _cost(len(files), lambda: _each(lambda grey: prepare(grey, image), decoded)),
    }
    job = Job(scan.root, as_store(f"{lake}-again"), image)
    tasks = [
        ShardTask(
            plan.folder,
            [
                PlannedView(*row)
                for row in plan.views.select(
                    "view_id", "label", "source_bytes", "modified_ns"
                ).iter_rows()
            ],
        )
        for plan in plan_shards(scan.views, image)
    ]
    whole = _cost(len(files), lambda: _each(lambda task: write_shard(task, job), tasks))
    costs["digest and write"] = whole - sum(costs[name] for name in ("read", "decode", "resize"))
    costs |= _costs_of_training(lake)
    num_bytes = sum(map(len, encoded)) / len(files)
    print(json.dumps({"cpu_ms": costs, "source_bytes": num_bytes, "stored_bytes": image.num_bytes}))


def _costs_of_training(lake: str) -> dict[str, float]:
    import keras

    from trainer.models.classifier_head import add_classifier
    from trainer.models.table import build_backbone

    opened = open_lake(lake)
    views = opened.manifest
    batches = np.array_split(np.arange(views.height), math.ceil(views.height / _BATCH))
    with ViewReader(opened, views) as reader:
        costs = {"stream": _cost(views.height, lambda: _each(reader.read, batches))}
        images = reader.read(batches[0])
    labels = np.zeros((len(images), 1), np.float32)
    for name in _TRAINED:
        model: Any = add_classifier(build_backbone(name, opened.image.size, "none"))
        if name == "efficientnet_lite0":
            costs["embed"] = _cost(len(images), lambda m=model: m.predict_on_batch(images))
        model.compile("adam", "binary_crossentropy")
        step = lambda m=model: m.train_on_batch(images, labels)  # noqa: E731
        costs[f"train {name}"] = _cost(len(images), step)
    keras.backend.clear_session()
    return costs


def _each(function: Callable[[Any], object], items: Iterable[Any]) -> None:
    for item in items:
        function(item)


def _cost(num_views: int, work: Callable[[], object]) -> float:
    """Return the milliseconds of processors a view, the least of some repeats after a first."""
    work()
    taken = []
    for _ in range(_REPEATS):
        started_s = time.process_time()
        work()
        taken.append(time.process_time() - started_s)
    return min(taken) / num_views * 1e3


if __name__ == "__main__":
    main(*sys.argv[1:])
