"""What ingest remembers of earlier runs is used as it was kept, or made anew."""

import os
import random
from pathlib import Path

import cv2
import numpy as np
import platformdirs

from shared.files import digest
from shared.lake import open_lake
from tests.ingest.processes import contents, ingest


def _kept(lake: Path) -> list[Path]:
    folder = platformdirs.user_cache_path("mura-lake") / digest(os.fsencode(str(lake.resolve())))
    return sorted(folder.iterdir())


def _flip(data: bytes, rng: random.Random) -> bytes:
    flipped = bytearray(data)
    flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _zero(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) - 64)
    return data[:start] + bytes(64) + data[start + 64 :]


def _append(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.randrange(1, 100))


def test_damaged_outcomes_are_made_anew(own_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    whole, outcomes, rng = contents(root), _kept(root), random.Random(11)
    for path, damage in zip(outcomes, (_flip, _cut, _zero, _append), strict=True):
        path.write_bytes(damage(path.read_bytes(), rng))
    again = ingest(own_tree, root)
    assert again.returncode == 0, again.stderr
    for path in outcomes:
        assert f"{path} is damaged or not in its place, so it is made anew" in again.stderr
    assert contents(root) == whole


def test_what_is_not_in_its_place_is_made_anew(own_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    whole, (one, other, folder, pipe) = contents(root), _kept(root)
    kept = one.read_bytes(), other.read_bytes()
    other.write_bytes(kept[0])
    one.write_bytes(kept[1])
    folder.unlink()
    folder.mkdir()
    pipe.unlink()
    os.mkfifo(pipe)
    again = ingest(own_tree, root)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("damaged or not in its place") == 2
    assert again.stderr.count("cannot be read, so it is made anew") == 2
    assert contents(root) == whole


def test_a_file_replaced_with_the_same_size_and_time_is_decoded_again(
    own_tree: Path, tmp_path: Path
) -> None:
    view = sorted(own_tree.rglob("*.png"))[0]
    root, pixels = tmp_path / "lake", np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    uncompressed = (cv2.IMWRITE_PNG_COMPRESSION, 0)
    cv2.imwrite(str(view), pixels, uncompressed)
    before = view.stat()
    assert ingest(own_tree, root).returncode == 0
    cv2.imwrite(str(view), pixels[::-1], uncompressed)
    os.utime(view, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = view.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert ingest(own_tree, root).returncode == 0
    decoded = open_lake(root).manifest.filter(view_id=view.relative_to(own_tree).as_posix())
    assert decoded["pixel_digest"].to_list() == [digest(pixels[::-1].tobytes())]
