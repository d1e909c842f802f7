"""Streams: what cannot be printed ends no command whose result is kept elsewhere."""

import subprocess
from pathlib import Path

import pytest

from shared.lake.open import Lake
from tests.commands import PROJECT, SCRIPTS, call

pytestmark = pytest.mark.slow

CLOSED = [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]
FULL = [">/dev/full", "2>/dev/full", ">/dev/full 2>&1"]


def _shell(script: str, *words: object, to: str) -> subprocess.CompletedProcess[str]:
    command = " ".join([str(SCRIPTS / script), *map(str, words), to])
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("to", [*CLOSED, *FULL, "| true"])
def test_what_takes_no_output_ends_no_verify(wrist_lake: Lake, to: str) -> None:
    result = _shell("mura-verify", f"lake={wrist_lake.root}", to=to)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("to", CLOSED)
def test_no_file_of_a_lake_takes_the_place_of_a_closed_stream(
    own_tree: Path, tmp_path: Path, to: str
) -> None:
    root = tmp_path / "lake"
    result = _shell("mura-ingest", own_tree, f"lake={root}", "size=16", "workers=1", to=to)
    assert result.returncode == 0
    assert "Exception" not in result.stderr
    assert "Traceback" not in result.stderr
    verified = call("mura-verify", f"lake={root}")
    assert verified.returncode == 0, verified.stderr


@pytest.mark.parametrize("to", [*CLOSED, *FULL])
def test_a_mistake_has_its_status_where_nothing_can_be_said(to: str) -> None:
    assert _shell("mura-train", "batch_size=0", to=to).returncode == 2


@pytest.mark.parametrize(
    ("to", "why"),
    [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")],
)
def test_answers_that_are_not_taken_are_a_failure(
    trained_run: Path, phantom_tree: Path, to: str, why: str
) -> None:
    views = next((phantom_tree / "valid" / "XR_WRIST").glob("*/*"))
    result = _shell("mura-predict", views, f"run={trained_run}", to=to)
    assert result.returncode == 1
    assert result.stderr == (f"predict: Expected to write to standard output. Received: {why}\n")


def test_help_that_is_not_taken_is_a_failure_unless_its_reader_has_seen_enough() -> None:
    full = _shell("mura-train", "--help", to=">/dev/full")
    assert full.returncode == 1
    assert full.stderr.splitlines() == [
        "train: Expected to write to standard output. Received: No space left on device"
    ]
    left = _shell("mura-train", "--help", to="| true")
    assert (left.returncode, left.stderr) == (0, "")
