"""Console output of commands: messages and tables."""

import io
import shutil
import sys
import textwrap
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from shared.errors import WriteError
from shared.printable import printable, printable_lines
from shared.processes.null_device import discard

# wider than any table, so that rich does not wrap lines for a pipe or a file
_PLAIN_WIDTH = 1_000
# columns of the terminal for the names in the first column of a table
_NARROWEST_NAME = 12


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
        discard(stream.fileno())


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

    cells = [list(row) for row in rows]
    table = Table(
        title=Text(printable(title)),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    columns = [[row[index] for row in cells] for index in range(len(header))]
    titles, width = _fit(header, columns)
    for index, (shown, column) in enumerate(zip(titles, columns, strict=True)):
        # the first column has names, also if they begin with a digit or a dot; if the table is too
        # wide, it is wrapped, because names are the longest cells
        is_number = index > 0 and all(map(_looks_numeric, column))
        justify = "right" if is_number else "left"
        table.add_column(shown, justify=justify, no_wrap=index > 0, overflow="fold")
    for row in cells:
        # Text, because names may contain rich markup or line breaks
        table.add_row(*(Text(printable(cell)) for cell in row))
    # a buffer, because rich writes to standard output even what it only captures
    text = io.StringIO()
    Console(file=text, width=width, height=1, force_terminal=sys.stdout.isatty()).print(table)
    return text.getvalue().removesuffix("\n")


def _fit(header: Sequence[str], columns: Sequence[Sequence[str]]) -> tuple[Sequence[str], int]:
    """Return the titles of a table, broken between words if need be, and the width to print it."""
    width = shutil.get_terminal_size().columns
    if not sys.stdout.isatty():
        return header, _PLAIN_WIDTH
    widths = [max(map(len, column), default=0) for column in columns]
    full = [max(len(title), cells) for title, cells in zip(header, widths, strict=True)]
    # columns are separated by three characters, and the table has one at each side
    space = 3 * len(header) - 1
    if sum(full) + space <= width:
        return header, width
    folded = [
        max(1, cells, *map(len, title.split())) for title, cells in zip(header, widths, strict=True)
    ]
    if _NARROWEST_NAME + sum(folded[1:]) + space > width:
        # rich would leave out the names; a terminal wraps the lines
        return header, _PLAIN_WIDTH
    return ["\n".join(textwrap.wrap(*each)) for each in zip(header, folded, strict=True)], width


def _looks_numeric(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in {"-", ".", "\N{MINUS SIGN}"} or cell == ""
