"""One epoch of a lake in a process of its own: seconds to the first batch, and memory.

Called with the lake's folder; the lake's files have been dropped from the page cache by then.
"""

import json
import resource
import sys
from pathlib import Path
from time import perf_counter

import tensorflow as tf

from shared.lake.open import open_lake
from shared.lake.reader import ViewReader
from trainer.data.pipeline import shuffled_batches

BATCH = 64


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(root: Path) -> None:
    facts: dict[str, object] = {"tensorflow": tf.__version__, "imported_mb": _peak_mb()}
    started_s = perf_counter()
    lake = open_lake(root)
    facts["lake_s"] = perf_counter() - started_s
    with ViewReader(lake, lake.manifest) as reader:
        batches = iter(shuffled_batches(reader, BATCH, seed=0))
        num_images = len(next(batches)[0])
        facts["first_batch_s"], facts["first_batch_mb"] = perf_counter() - started_s, _peak_mb()
        while num_images < len(reader):
            num_images += len(next(batches)[0])
    facts["epoch_mb"] = _peak_mb()
    print(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
