"""What the tables of very many views take, step by step: from a tree's listing to planned fits.

No image is read: what decoding would find out of each view is made up, and no two views are alike.

    python -m tests.benchmarks.manifest_steps s3://bucket LAKE
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import polars as pl

from ingest.commit import Tables, commit
from ingest.duplicates.findings import find_in_images, find_in_tree
from ingest.duplicates.groups import group_patients
from ingest.plan import ShardPlan, plan_shards
from ingest.scan.index_comparison import compare_with_index
from ingest.scan.scan_tree import scan_tree
from ingest.sources.mura import MuraLayout
from ingest.write.shard_cache import WRITTEN_SCHEMA
from shared.images.spec import ImageSpec
from shared.lake.manifest import FINDINGS_SCHEMA, SCHEMA
from shared.lake.open import open_lake
from trainer.data.dataset import open_data
from trainer.data.split import plan_final_fit, plan_fold_fits
from trainer.options import CvOptions

Result = TypeVar("Result")


class Steps:
    """Runs steps and keeps how long each took and how much memory was ever in use by its end."""

    def __init__(self) -> None:
        self.taken: dict[str, dict[str, float]] = {}

    def run(self, name: str, step: Callable[[], Result]) -> Result:
        started_s = time.perf_counter()
        result = step()
        seconds = time.perf_counter() - started_s
        gc.collect()
        self.taken[name] = {"seconds": seconds, "peak_mb": _peak_mb()}
        return result


def main(tree: str, lake: str) -> None:
    image = ImageSpec()
    steps = Steps()
    scan = steps.run("scan", lambda: scan_tree(tree, MuraLayout()))
    steps.run("compare", lambda: (compare_with_index(scan), find_in_tree(scan.views)))
    plans = steps.run("plan", lambda: plan_shards(scan.views, image))
    written = steps.run("make up", lambda: _make_up(plans, image))
    views, rejects = scan.views.height, scan.rejects
    findings = steps.run("find", lambda: find_in_images(written))
    assert findings.is_empty()
    manifest = steps.run("group", lambda: group_patients(written).select(SCHEMA.keys()))
    none = pl.DataFrame(schema=FINDINGS_SCHEMA)
    for shard in manifest["shard"].unique():
        (Path(lake) / shard).parent.mkdir(parents=True, exist_ok=True)
    steps.run(
        "commit", lambda: commit(Path(lake), image, None, Tables(manifest, rejects, none)).digest
    )
    steps.run("open", lambda: open_lake(lake).manifest.height)
    options = CvOptions(lake=lake)
    data = steps.run("open for training", lambda: open_data(options))
    steps.run("hold out", lambda: plan_final_fit(data, 0).train.height)
    steps.run("fold", lambda: [plan.train.height for plan in plan_fold_fits(data, 5, 0)])
    size = sum(path.stat().st_size for path in Path(lake).rglob("*.parquet"))
    print(json.dumps({"views": views, "manifest_bytes": size, "steps": steps.taken}))


def _make_up(plans: list[ShardPlan], image: ImageSpec) -> pl.DataFrame:
    """Return what writing the planned shards would give, columns as in `WRITTEN_SCHEMA`."""
    record = 150 + image.num_bytes
    tables = [
        plan.views.with_row_index("record_index").with_columns(
            pl.col("record_index").cast(pl.Int64),
            shard=pl.lit(f"shards/{plan.folder}/{number:032x}.tfrecord"),
            source_digest=pl.format("{}{}", pl.col("view_id").hash(1), pl.col("view_id").hash(2)),
            pixel_digest=pl.format("{}{}", pl.col("view_id").hash(3), pl.col("view_id").hash(4)),
            width_px=pl.lit(400),
            height_px=pl.lit(512),
            channels=pl.lit(1),
            mean=pl.col("view_id").hash(5) % 10_000 / 100,
            std=pl.col("view_id").hash(6) % 10_000 / 100,
            record_offset=pl.col("record_index").cast(pl.Int64) * record,
            record_crc32c=pl.col("view_id").hash(7) % 2**32,
            image_offset=pl.col("record_index").cast(pl.Int64) * record + 130,
            image_bytes=pl.lit(image.num_bytes),
            image_crc32c=pl.col("view_id").hash(8) % 2**32,
        )
        for number, plan in enumerate(plans)
    ]
    columns = [pl.col(name).cast(dtype) for name, dtype in WRITTEN_SCHEMA.items()]
    return pl.concat(table.select(columns) for table in tables)


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


if __name__ == "__main__":
    main(*sys.argv[1:])
