"""Commands start quickly: `--help` needs neither TensorFlow nor any image or table library."""

import subprocess
import sys

import pytest

from tests.commands import PROJECT

HEAVY = {"cv2", "keras", "polars", "pyarrow", "sklearn", "tensorflow", "tensorflow_io"}


@pytest.mark.parametrize("words", [["ingest", "--help"], ["trainer", "train", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", *words]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == 0
    assert "key=value" in result.stdout
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()
    }
    assert "shared" in imported
    assert not imported & HEAVY


def test_ingest_works_without_tensorflow_and_starts_without_pydicom() -> None:
    code = (
        "import sys, ingest.run, ingest.verify.lake, ingest.phantom.generate;"
        "print([name for name in ('tensorflow', 'keras', 'pydicom') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True
    )
    assert result.stdout.strip() == "[]", result.stderr
