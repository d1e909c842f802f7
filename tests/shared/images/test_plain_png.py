"""The fast decoder changes nothing: with and without it each kind of file gives the same pixels."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import ImageError
from shared.images.decode import decode_radiograph
from shared.images.png.decode import decode_plain_png
from shared.images.png.rows import inflate_rows
from shared.images.png.structure import read_png
from shared.images.spec import ImageSpec
from shared.lake.open import Lake, open_lake
from shared.storage.atomic import digest
from tests.benchmarks.start_up import without_module
from tests.commands import PROJECT, run
from tests.conftest import SIZE_PX
from tests.shared.images.image_files import image_files

_FAST = "kornia_rs"
_TELL_ALL = """
import json
from tests.shared.images.test_plain_png import outcomes
print(json.dumps(outcomes()))
"""


def outcomes() -> dict[str, str]:
    """Return the digest of the pixels of each kind of file, or why it is refused."""
    told: dict[str, str] = {}
    for file in image_files():
        try:
            grey = decode_radiograph(file.encoded).grey
            told[file.name] = f"{grey.shape} {digest(grey.tobytes())}"
        except ImageError as error:
            told[file.name] = error.reason
    return told


def test_every_kind_of_file_has_the_same_outcome_without_it(tmp_path: Path) -> None:
    pytest.importorskip(_FAST)
    without = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(PROJECT)!r})\n{_TELL_ALL}"],
        env=without_module(tmp_path, _FAST),
        capture_output=True,
        text=True,
    )
    assert without.returncode == 0, without.stderr
    assert json.loads(without.stdout) == outcomes()


def test_plain_files_are_not_left_to_opencv() -> None:
    names = {"png grey", "png rgb of equal channels"}
    plain = [file for file in image_files() if file.name in names]
    assert len(plain) == len(names)
    for file in plain:
        png = read_png(file.encoded)
        assert decode_plain_png(png, inflate_rows(png)) is not None


@pytest.mark.slow
def test_a_lake_is_the_same_without_it(lake: Lake, phantom_tree: Path, tmp_path: Path) -> None:
    environment = without_module(tmp_path, _FAST)
    words = (phantom_tree, f"lake={tmp_path / 'lake'}", f"size={SIZE_PX}")
    done = run("mura-ingest", *words, environment=environment)
    assert done.returncode == 0, done.stderr
    assert open_lake(tmp_path / "lake").digest == lake.digest
    assert open_lake(tmp_path / "lake").image == ImageSpec(SIZE_PX)
