"""A reader sees the old lake whole or the new one whole, while ingests replace one by the other."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.commands import PROJECT
from tests.ingest.processes import ingest

READ = """
import hashlib, json, random, sys
from pathlib import Path
import numpy as np
import time
from shared.errors import CorruptLakeError, LakeError
from shared.lake.open import open_lake
from shared.lake.reader import ViewReader

root, stop = Path(sys.argv[1]), Path(sys.argv[2])
seen, counts = {}, {"passes": 0, "retries": 0, "unchanged": 0}
rng = random.Random(0)
while not stop.exists():
    lake = open_lake(root)
    time.sleep(rng.uniform(0, 0.3))
    # these are the same in both versions, so they are found again wherever they are now
    unchanged = lake.manifest.filter(split="valid", label=0)[1:]
    with ViewReader(lake, unchanged) as reader:
        reader.read(np.arange(len(reader)))
    counts["unchanged"] += 1
    try:
        reader = ViewReader(lake, lake.manifest)
    except CorruptLakeError:
        raise
    except LakeError:
        counts["retries"] += 1
        continue
    with reader:
        pixels = hashlib.sha256(reader.read(np.arange(len(reader)))).hexdigest()
    seen.setdefault(lake.digest, []).append(pixels)
    counts["passes"] += 1
print(json.dumps({"counts": counts, "seen": seen}))
"""


def test_every_pass_is_wholly_of_one_version(own_tree: Path, tmp_path: Path) -> None:
    root, stop = tmp_path / "lake", tmp_path / "stop"
    other = shutil.copytree(own_tree, tmp_path / "other" / "MURA-v1.1")
    views = sorted((other / "train").rglob("*.png"))
    shutil.copy(views[0], views[-1])
    # a view less in the partition of the views that stay, whose shard is thus replaced
    sorted((other / "valid").rglob("*negative/*.png"))[0].unlink()
    assert ingest(own_tree, root, "workers=1").returncode == 0

    reading = subprocess.Popen(
        [sys.executable, "-c", READ, root, stop], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    digests: set[str] = set()
    for tree in (other, own_tree) * 4:
        result = ingest(tree, root, "workers=1")
        assert result.returncode == 0, result.stderr
        digests.add(json.loads((root / "lake.json").read_bytes())["digest"])
    stop.touch()
    said = json.loads(reading.communicate(timeout=60)[0])
    assert reading.returncode == 0
    print(f"8 re-ingests: {said['counts']}")
    assert len(digests) == 2
    assert said["seen"].keys() <= digests
    assert all(len(set(pixels)) == 1 for pixels in said["seen"].values())
    assert said["counts"]["passes"] >= 8
