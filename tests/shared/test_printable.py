"""Names of any bytes stay in one line and command no terminal."""

import os
import sys

import pytest

from shared.console import format_table, note, note_lines, say, show_table
from shared.printable import printable, printable_lines

NAMES = {
    b"Aufnahme_\xe4.dcm": r"Aufnahme_\xe4.dcm",
    b"a\x1b[2Jb\x07": r"a\x1b[2Jb\x07",
    b"a\nb\rc\td": r"a\nb\rc\td",
    "\u202egnp.exe".encode(): r"\u202egnp.exe",
    b"\xc2\x9b31m": r"\x9b31m",
    "Röntgen Ω 手.png".encode(): "Röntgen Ω 手.png",
    rb"C:\new": r"C:\new",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_escaped_where_it_has_to_be(name: bytes) -> None:
    shown = printable(os.fsdecode(name))
    assert shown == NAMES[name]
    assert shown.encode().decode() == shown


def test_any_character_can_be_encoded_and_is_one_line() -> None:
    text = printable("".join(map(chr, range(0x11000))))
    assert len(text.encode().splitlines()) == 1
    assert text.isprintable()


def test_everything_printed_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"x\xe4\x1b]0;title\x07\r")
    say(name)
    note(name)
    note_lines(f"{name}\n{name}")
    print(printable_lines(f"{name}\n{name}"))
    show_table(name, ["view", "n"], [(name, "1")])
    sys.stdout.flush()
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert all(line.isprintable() for line in text.split("\n"))
    assert said.out.count(r"x\xe4\x1b]0;title\x07\r") == 5


def test_names_are_left_aligned_whatever_they_begin_with() -> None:
    lines = format_table("views", ["view", "n"], [("../a/image1.png", "1"), (".b", "20")])
    rows = [line.rstrip() for line in lines.splitlines() if line.strip()][-2:]
    assert rows == [" ../a/image1.png    1", " .b                20"]


def test_a_terminal_too_narrow_for_a_table_shows_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    folds = [f"fold {n}" for n in range(10)]
    text = format_table("folds", ["model", *folds], [("cnn4", *["0.500"] * 10)])
    assert f"cnn4 {' '.join(['0.500'] * 10)}" in " ".join(text.split())
