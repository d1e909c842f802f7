"""A look at a lake takes little more than reading its manifest: measured at MURA's size."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from ingest.phantom.tree import plan_tree
from shared.commit import Tables, commit
from shared.image_spec import ImageSpec
from shared.manifest import FINDINGS_SCHEMA, REJECTS_SCHEMA, SCHEMA
from tests.benchmarks.tables import publish_speeds, speeds
from tests.commands import run

NUM_VIEWS = 40_005
LIMIT_S, LIMIT_TIMES = 5, 4
_BARE = """
import sys
from pathlib import Path
import matplotlib.figure
from shared.lake import open_lake
print(open_lake(Path(sys.argv[1])).manifest.height)
"""

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of MURA's size that has a manifest and no pixels."""
    views, root = plan_tree(NUM_VIEWS, seed=0), tmp_path_factory.mktemp("eda") / "lake"
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    manifest = views.with_columns(
        pl.lit("shards/none.tfrecord").alias("shard"),
        pl.col("patient_id").alias("group"),
        (number % 255).cast(pl.Float64).alias("mean"),
        (number % 99).cast(pl.Float64).alias("std"),
        *(pl.col("view_id").alias(name) for name in ("source_digest", "pixel_digest")),
    )
    missing = [
        pl.lit(0, SCHEMA[name]).alias(name) for name in SCHEMA.keys() - set(manifest.columns)
    ]
    tables = (pl.DataFrame(schema=schema) for schema in (REJECTS_SCHEMA, FINDINGS_SCHEMA))
    (root / "shards").mkdir(parents=True)
    manifest = manifest.with_columns(missing).select(SCHEMA.keys())
    commit(root, ImageSpec(), None, Tables(manifest, *tables))
    return root


def test_a_look_is_quick(lake: Path) -> None:
    def look(out: Path) -> None:
        done = run("mura-eda", f"lake={lake}", "images=off", f"out={out / 'eda.html'}")
        assert done.returncode == 0, done.stderr
        assert "36,808 views" in done.stdout

    def read(_: Path) -> None:
        subprocess.run([sys.executable, "-c", _BARE, str(lake)], check=True, capture_output=True)

    ways = {"import and read the manifest": read, "mura-eda images=off": look}
    measured = speeds(NUM_VIEWS, ways)
    publish_speeds("eda", measured, "import and read the manifest", {})
    bare, whole = (measured[way] for way in ways)
    assert NUM_VIEWS / whole.best < LIMIT_S
    assert whole.cpu_ms < LIMIT_TIMES * bare.cpu_ms
