"""Console output of commands: messages and tables."""

import io
import os
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from shared.errors import WriteError
from shared.printable import printable, printable_lines

# wider than any table, so that rich does not wrap lines for a pipe or a file
_PLAIN_WIDTH = 1_000


def say(line: str) -> None:
    """Print a line about the result to standard output; ignore write errors."""
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

    Raises:
        WriteError: standard output cannot be written.
        SystemExit: status 0, if the reader closed the pipe and `needs_all` is False.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout)
        # as `head` does
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
    # results are stored in files, so a closed pipe or a full disk does not end a command
    try:
        print(text, file=stream, flush=True)
    except OSError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    # to the null device, because its buffer would fail at every flush
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def show_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table to standard output; ignore write errors."""
    _print(format_table(title, header, rows), sys.stdout)


def format_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a table for standard output, with numeric columns right-aligned."""
    # late, as most commands print no table before they have done their work
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(printable(title)),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    cells = [list(row) for row in rows]
    # the first column has names, also if they begin with a digit or a dot; if the table is too
    # wide, it is wrapped, because names are the longest cells
    for index, name in enumerate(header):
        is_number = index > 0 and all(_looks_numeric(row[index]) for row in cells)
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
