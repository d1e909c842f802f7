"""MURA lake: batches by offset, every byte checked, as the trainer reads them: one iterator."""

from rounds import BATCH, SOURCE, serve

from shared.lake.open import open_lake
from shared.lake.reader import ViewReader
from trainer.data.pipeline import shuffled_batches

lake = open_lake(SOURCE / "lake")
reader = ViewReader(lake, lake.manifest)
batches = iter(shuffled_batches(reader, BATCH, seed=0))


def epoch() -> int:
    return sum(len(next(batches)[1]) for _ in range(0, len(reader), BATCH))


serve(epoch)
