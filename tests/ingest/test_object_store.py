"""A lake in an object store is the lake in a folder; faults on the way are retried or one line."""

from pathlib import Path

import numpy as np

from shared.bucket import Bucket
from shared.lake import Lake, open_lake
from shared.reader import ViewReader
from shared.store import as_store
from tests.commands import run
from tests.conftest import SIZE_PX
from tests.object_store import Proxy


def _ingest(tree: object, lake: str, *words: str) -> tuple[int, str]:
    result = run("mura-ingest", tree, f"lake={lake}", f"size={SIZE_PX}", "workers=2", *words)
    return result.returncode, result.stderr


def test_a_lake_in_a_bucket_is_the_lake_in_a_folder(
    phantom_tree: Path, lake: Lake, s3: Proxy
) -> None:
    url = f"{s3.url}/some/lake"
    assert _ingest(phantom_tree, url)[0] == 0
    stored = open_lake(url)
    assert stored.digest == lake.digest
    bucket = as_store(url)
    assert isinstance(bucket, Bucket)
    assert {file.path for file in bucket.list_files()} == lake.files
    assert all(bucket.read(path) == (lake.root / path).read_bytes() for path in lake.files)

    rows = np.arange(0, lake.manifest.height, 7)
    with ViewReader(stored, stored.manifest) as remote, ViewReader(lake, lake.manifest) as local:
        assert np.array_equal(remote.read(rows), local.read(rows))
    verified = run("mura-verify", f"lake={url}")
    assert verified.returncode == 0, verified.stderr
    assert f"{url} is whole" in verified.stdout

    s3.requests.clear()
    assert _ingest(phantom_tree, url)[0] == 0
    assert s3.count("PUT") == s3.count("DELETE") == s3.count("POST") == 0
