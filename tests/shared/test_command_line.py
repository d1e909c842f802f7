"""Words become options; what is not allowed is refused in one line."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest

from shared.command_line import parse
from shared.errors import UsageError
from tests.commands import run


@dataclass(frozen=True)
class Options:
    """Options as commands have them."""

    root: Annotated[str, "ROOT"]
    """Where to read."""
    part: Literal["all", "hand"] = "all"
    """Which."""
    batch_size: int = 32
    """How many."""
    out: str = ""
    """Where to write."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"Expected 1 or more. Received: batch_size={self.batch_size}")


@pytest.mark.parametrize(
    "words",
    [
        ["tree", "part=hand", "batch_size=8", "out=a b=c"],
        ["part=hand", "tree", "--batch-size=8", "--out", "a b=c"],
        ["--part", "hand", "root=tree", "--batch_size", "8", "--out=a b=c"],
        ["tree", "--part", "hand", "--out", "a b=c", "--batch_size", "8"],
    ],
)
def test_words_flags_and_flags_with_values_mean_the_same(words: list[str]) -> None:
    assert parse(Options, words, "test") == Options("tree", "hand", 8, "a b=c")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tree", "colour=blue"], "root, part, batch_size, out. Received: colour=blue"),
        (["tree", "--colour", "blue"], "root, part, batch_size, out. Received: --colour"),
        (["tree", "parts=hand"], r"did you mean part=\? Received: parts=hand"),
        (["tree", "part=knee"], "part to be one of all, hand. Received: part=knee"),
        (["tree", "part=hands"], r"did you mean hand\? Received: part=hands"),
        (["tree", "batch_size=many"], "a whole number. Received: batch_size=many"),
        (["tree", "batch_size=0"], "Expected 1 or more. Received: batch_size=0"),
        (["tree", "tree2"], "tree2"),
        ([], "ROOT"),
        (["tree", "--part"], "part"),
        (["-tree"], "or -- before a path that begins with a dash. Received: -tree"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_line(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as refusal:
        parse(Options, words, "test")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "words", [["root=-dir", "out=-o"], ["--root", "-dir", "out=-o"], ["out=-o", "--", "-dir"]]
)
def test_values_may_begin_with_a_dash(words: list[str]) -> None:
    assert parse(Options, words, "test") == Options("-dir", out="-o")


def test_an_existing_path_may_begin_with_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "-dir").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse(Options, ["-dir", "part=hand"], "test") == Options("-dir", "hand")


@pytest.mark.parametrize("length", [255, 300, 5_000])
def test_a_long_option_is_not_taken_for_a_path(length: int) -> None:
    value = "x" * length
    assert parse(Options, ["tree", f"out={value}"], "test") == Options("tree", out=value)


def test_help_tells_every_key_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(Options, ["--help"], "test")
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for text in (
        "ROOT",
        "part=  all, hand; default: all",
        "whole number; default: 32",
        "key=value",
    ):
        assert text in shown
    assert "  out=  text\n      Where to write." in shown


@pytest.mark.parametrize("columns", ["1", "0", "-5", "x"])
def test_help_fits_any_width(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(SystemExit) as stop:
        parse(Options, ["--help"], "test")
    assert stop.value.code == 0
    assert "part=  all, hand" in capsys.readouterr().out
    assert os.environ["COLUMNS"] == columns


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_refusal_is_the_same_in_any_encoding(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    result = run("mura-train", "augment=loud", environment=environment)
    assert result.returncode == 2
    assert result.stderr.startswith("train: Expected augment to be one of none, light, strong. ")
    assert result.stderr.endswith("Received: augment=loud\n")


def test_help_teaches_the_same_without_docstrings() -> None:
    optimized = {**os.environ, "PYTHONOPTIMIZE": "2"}
    shown = [run("mura-eda", "--help", environment=each) for each in (os.environ, optimized)]
    assert [each.returncode for each in shown] == [0, 0]
    assert shown[0].stdout == shown[1].stdout
    assert "Explore a lake before training" in shown[1].stdout
