"""Exit status of a command, and one line for each expected error."""

import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, cast

from shared.console import flush_all, note, note_lines
from shared.errors import MuraLakeError

# after reading from S3, tensorflow-io's threads abort the process at exit with status 134
_ABORTS_AT_EXIT = "tensorflow_io"
_SHOWN_CHARS = 100


def carry_out(
    command: Callable[[Sequence[str]], None], prog: str, stops: Sequence[KeyboardInterrupt]
) -> NoReturn:
    """Run `command` on this process's arguments and exit with its status."""
    # a name that the terminal's encoding lacks must not make a completed command fail
    cast(io.TextIOWrapper, sys.stdout).reconfigure(errors="backslashreplace")
    try:
        _require_current_folder()
        command(sys.argv[1:])
    except Exception as error:
        # C++ code that calls Python can replace a KeyboardInterrupt with its own error
        if stops:
            raise stops[-1] from None
        _fail(error, prog)
    _end(0)


def _require_current_folder() -> None:
    # libraries and worker processes look it up, even if all paths are absolute
    try:
        Path.cwd()
    except OSError as error:
        raise MuraLakeError(
            "Expected the current folder to exist; change to another one. "
            f"Received: {error.strerror}"
        ) from None


def _fail(error: Exception, prog: str) -> NoReturn:
    if isinstance(error, MuraLakeError):
        note(f"{prog}: {error}")
        _end(error.exit_status)
    if isinstance(error, UnicodeEncodeError):
        nearby = error.object[max(0, error.start - _SHOWN_CHARS) : error.end + _SHOWN_CHARS]
        note(f"{prog}: Expected names in UTF-8. Received: {nearby!a}")
    elif isinstance(error, OSError):
        note(f"{prog}: {' '.join(str(error).split())}")
    else:
        # not an expected error but a bug
        note_lines("".join(traceback.format_exception(error)).rstrip())
    _end(MuraLakeError.exit_status)


def _end(status: int) -> NoReturn:
    flush_all()
    # without exit handlers, which would change the status
    if _ABORTS_AT_EXIT in sys.modules:
        os._exit(status)
    sys.exit(status)
