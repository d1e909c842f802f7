"""Console output of commands: progress, messages and tables."""

import io
import os
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

from shared.errors import WriteError
from shared.printable import printable, printable_lines

# wider than any table, so that rich does not wrap lines for a pipe or a file
_PLAIN_WIDTH = 1_000
_PLAIN_FIRST_S, _PLAIN_EVERY_S = 5.0, 60.0


def say(line: str) -> None:
    """Print a line about the result to standard output; ignore write errors.

    The result itself is stored in files, so a closed pipe or a full disk does not end a command.
    """
    _print(printable(line), sys.stdout)


def note(line: str) -> None:
    """Print a progress message to standard error; ignore write errors."""
    _print(printable(line), sys.stderr)


def note_lines(text: str) -> None:
    """Print a multi-line message to standard error; ignore write errors."""
    _print(printable_lines(text), sys.stderr)


@contextmanager
def delivering(needs_all: bool = True) -> Generator[None, None, None]:
    """Require that the block's output, the result of a command, reaches standard output.

    Args:
        needs_all: Raise an error if the reader closes the pipe early, as `head` does.

    Raises:
        WriteError: Standard output cannot be written.
        SystemExit: Status 0, if the reader closed the pipe and `needs_all` is False.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout)
        if isinstance(error, BrokenPipeError) and not needs_all:
            raise SystemExit(0) from None
        raise WriteError(
            f"Expected to write to standard output. Received: {error.strerror or error}"
        ) from None


def flush_all() -> None:
    """Flush both streams and ignore errors, which Python would report at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _silence(stream)


def _print(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except OSError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Redirect a failed stream to the null device, because its buffer would fail at every flush."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Progress:
    """Progress on standard error: a bar on a terminal, otherwise an occasional line.

    Args:
        stage: Verb of the stage, e.g. `decode`.
        total: Number of units.
        unit: Plural name of the units; the rate is units per second.
    """

    def __init__(self, stage: str, total: int, unit: str = "images"):
        self._stage, self._total, self._unit = stage, total, unit
        self._done, self._status = 0, ""
        self._started_s = self._said_s = time.monotonic()
        self._quiet_s = _PLAIN_FIRST_S
        self._bar = None
        if sys.stderr.isatty():
            self._bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TextColumn("{task.fields[status]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(stage, total=total, rate="", status="")

    def __enter__(self) -> "Progress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()
        elif self._said_s > self._started_s and self._done == self._total:
            note(self._line())

    def advance(self, num: int = 1, status: str = "") -> None:
        """Count `num` more units as done, and update the display."""
        self._done += num
        self._status = status or self._status
        if self._bar:
            self._bar.update(self._task, advance=num, rate=self._show_rate(), status=self._status)
        elif time.monotonic() - self._said_s >= self._quiet_s:
            self._said_s = time.monotonic()
            self._quiet_s = min(2 * self._quiet_s, _PLAIN_EVERY_S)
            note(self._line())

    def note(self, line: str) -> None:
        """Print a message about the stage, above the bar on a terminal."""
        if self._bar:
            text = printable(f"{self._stage}, {line}")
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            self._said_s = time.monotonic()
            note(f"{self._stage}, {line}")

    def _rate(self) -> float:
        return self._done / max(time.monotonic() - self._started_s, 1e-9)

    def _show_rate(self) -> str:
        rate = self._rate()
        return f"{rate:,.0f} {self._unit}/s" if rate >= 10 else f"{rate:.1f} {self._unit}/s"

    def _line(self) -> str:
        left_s = (self._total - self._done) / max(self._rate(), 1e-9)
        status = f", {self._status}" if self._status else ""
        return (
            f"{self._stage}: {self._done:,} of {self._total:,} {self._unit}, "
            f"{self._show_rate()}{status}, {left_s:,.0f} s left"
        )


def show_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table to standard output; ignore write errors."""
    _print(format_table(title, header, rows), sys.stdout)


def format_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a table for standard output, with numeric columns right-aligned.

    If the table is too wide, the first column is wrapped, because names are the longest cells.
    """
    table = Table(
        title=Text(printable(title)),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    cells = [list(row) for row in rows]
    for index, name in enumerate(header):
        is_number = all(_looks_numeric(row[index]) for row in cells)
        justify = "right" if is_number else "left"
        table.add_column(name, justify=justify, no_wrap=index > 0, overflow="fold")
    for row in cells:
        # Text, because names may contain rich markup or line breaks
        table.add_row(*(Text(printable(cell)) for cell in row))
    is_terminal = sys.stdout.isatty()
    width = None if is_terminal else _PLAIN_WIDTH
    # a buffer, because rich writes to standard output even what it only captures
    shown = io.StringIO()
    Console(file=shown, width=width, force_terminal=is_terminal).print(table)
    return shown.getvalue().removesuffix("\n")


def _looks_numeric(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in {"-", ".", "\N{MINUS SIGN}"} or cell == ""
