"""A reader sees the old lake whole or the new one whole, while ingests replace one by the other."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.commands import PROJECT
from tests.ingest.processes import ingest

READ = """
import hashlib, json, random, sys, time
from pathlib import Path
import numpy as np
from shared.errors import CorruptLakeError, LakeError
from shared.lake.open import open_lake
from shared.lake.reader import ViewReader

root, stop = Path(sys.argv[1]), Path(sys.argv[2])
rng = random.Random(0)
while not stop.exists():
    lake = open_lake(root)
    time.sleep(rng.uniform(0, 0.3))
    # these are the same in both versions, so they are found again wherever they are now
    unchanged = lake.manifest.filter(split="valid", label=0)[1:]
    with ViewReader(lake, unchanged) as reader:
        reader.read(np.arange(len(reader)))
    try:
        reader = ViewReader(lake, lake.manifest)
    except CorruptLakeError:
        raise
    except LakeError:
        continue  # replaced since it was opened: the reader refuses it
    with reader:
        pixels = hashlib.sha256(reader.read(np.arange(len(reader)))).hexdigest()
    print(json.dumps([lake.digest, pixels]), flush=True)
"""


def test_every_pass_is_wholly_of_one_version(own_tree: Path, tmp_path: Path) -> None:
    root, stop = tmp_path / "lake", tmp_path / "stop"
    other = shutil.copytree(own_tree, tmp_path / "other" / "MURA-v1.1")
    views = sorted((other / "train").rglob("*.png"))
    shutil.copy(views[0], views[-1])
    # a view less in the partition of the views that stay, whose shard is thus replaced
    sorted((other / "valid").rglob("*negative/*.png"))[0].unlink()
    assert ingest(own_tree, root, "workers=1").returncode == 0

    command = [sys.executable, "-c", READ, root, stop]
    passes: set[tuple[str, str]] = set()
    versions: set[str] = set()
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as reading:
        assert reading.stdout is not None
        try:
            for tree in (other, own_tree) * 4:
                result = ingest(tree, root, "workers=1")
                assert result.returncode == 0, result.stderr
                version = json.loads((root / "lake.json").read_bytes())["digest"]
                versions.add(version)
                # the lake stays as it is until the reader has passed over this version
                for line in reading.stdout:
                    digest, pixels = json.loads(line)
                    passes.add((digest, pixels))
                    if digest == version:
                        break
        finally:
            stop.touch()
        passes.update(tuple(json.loads(line)) for line in reading.stdout)
    assert reading.returncode == 0
    assert len(versions) == 2
    assert {digest for digest, _ in passes} == versions
    assert len(passes) == 2, "passes over one version gave different pixels"
