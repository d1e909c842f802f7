"""The command line: words like `part=humerus` become frozen options, errors one line and a status.

Options are a frozen dataclass; its fields are the keys, its docstrings the help. `part=humerus`,
`--part humerus` and `--part=humerus` mean the same.
"""

import contextlib
import dataclasses
import inspect
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast, get_args

from shared.errors import MuraLakeError, UsageError

Options = TypeVar("Options")

INTERRUPTED = 130
TERMINATED = 128 + signal.SIGTERM
_WORD = re.compile(r"(?:--)?(?P<key>[A-Za-z][A-Za-z0-9_-]*)=(?P<value>.*)", re.DOTALL)
_ABORTS_AT_EXIT = "tensorflow_io"
"""Once it has read from S3, its threads abort the process at exit, with status 134."""
_BOX = "│╭╰─╮╯ "


def parse(options_type: type[Options], words: Sequence[str], prog: str) -> Options:
    """Turn the words of a command line into options.

    Args:
        options_type: a frozen dataclass; a field annotated `tyro.conf.Positional` needs no key.
        words: the command line without the program's name.
        prog: the program's name, for the help.

    Returns:
        An instance of `options_type`.

    Raises:
        UsageError: a key is unknown, a value is not allowed, or an argument is missing.
        SystemExit: status 0, after `--help` was printed.
    """
    import tyro

    keys = [field.name for field in dataclasses.fields(options_type)]  # pyright: ignore[reportArgumentType]  # TypeVar cannot say "dataclass"
    description = inspect.getdoc(options_type) or ""
    refusal = io.StringIO()
    try:
        with contextlib.redirect_stderr(refusal):
            return tyro.cli(
                options_type,
                prog=prog,
                args=list(_as_flags(words, keys, _positional_keys(options_type))),
                description=f"{description}\n\nWrite options as key=value or --key value.",
                use_underscores=True,
                config=(tyro.conf.HelptextFromCommentsOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UsageError(_first_paragraph(refusal.getvalue())) from None


def given_keys(options_type: type[Any], words: Sequence[str]) -> frozenset[str]:
    """Return the keys that a command line, which `parse` takes, gives values to."""
    keys = [field.name for field in dataclasses.fields(options_type)]
    flags = _as_flags(words, keys, _positional_keys(options_type))
    return frozenset(flag[2:].partition("=")[0] for flag in flags if flag.startswith("--"))


def _positional_keys(options_type: type[Any]) -> set[str]:
    import tyro

    marker = get_args(tyro.conf.Positional[str])[1]
    hints = inspect.get_annotations(options_type)
    return {key for key, hint in hints.items() if marker in get_args(hint)}


def _as_flags(words: Sequence[str], keys: Sequence[str], positional: set[str]) -> Iterator[str]:
    """Yield `words` in the one form that the parser takes, refusing keys that do not exist."""
    rest = iter(words)
    for word in rest:
        match = _WORD.fullmatch(word)
        key = match["key"] if match else word[2:] if word.startswith("--") else ""
        if key in ("", "help") or (positional and Path(word).exists()):
            yield word
            continue
        key = key.replace("-", "_")
        if key not in keys:
            raise UsageError(f"Expected one of the keys {', '.join(keys)}. Received: {word}")
        # the word after a bare flag is its value, whatever it looks like
        value = match["value"] if match else next(rest, None)
        if value is None:
            raise UsageError(f"Expected a value after {word}. Received: none")
        yield value if key in positional else f"--{key}={value}"


def _first_paragraph(boxed: str) -> str:
    """Return the parser's boxed message, up to its first rule, as one line."""
    lines: list[str] = []
    for line in boxed.splitlines()[1:]:
        if (text := line.strip(_BOX)) == "":
            break
        lines.append(text)
    return " ".join(lines)


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM came: the same as Ctrl-C but for the exit status."""


def run(command: Callable[[Sequence[str]], None], prog: str, if_interrupted: str) -> NoReturn:
    """Run `command` on this process's arguments and leave with its exit status.

    0 when it worked, 1 when it failed, 2 when it was asked wrongly, 130 when interrupted, 143 when
    terminated; every failure that a user can meet is one line on standard error.

    Args:
        command: takes the words after the program's name.
        prog: the program's name, before each failure.
        if_interrupted: what an interruption means for what was done so far.
    """
    stopped: list[type[KeyboardInterrupt]] = []

    def stop(number: int, _: object) -> NoReturn:
        stopped.append(_TerminatedError if number == signal.SIGTERM else KeyboardInterrupt)
        raise stopped[-1]

    signal.signal(signal.SIGTERM, stop)
    # who starts a command in the background may have had it ignored
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)
    # a name that the terminal's encoding lacks must not fail what was done
    cast(io.TextIOWrapper, sys.stdout).reconfigure(errors="backslashreplace")
    try:
        try:
            command(sys.argv[1:])
        except Exception:
            # what C++ calls back can turn a stop into an error of its own
            if stopped:
                raise stopped[-1] from None
            raise
    except MuraLakeError as error:
        _leave(prog, str(error), error.exit_status)
    except _TerminatedError:
        _leave(prog, f"terminated; {if_interrupted}", TERMINATED)
    except KeyboardInterrupt:
        _leave(prog, f"interrupted; {if_interrupted}", INTERRUPTED)
    except OSError as error:
        _leave(prog, " ".join(str(error).split()), MuraLakeError.exit_status)
    except Exception:
        if _ABORTS_AT_EXIT not in sys.modules:
            raise
        traceback.print_exc()
        _end(MuraLakeError.exit_status)
    _end(0)


def _leave(prog: str, message: str, status: int) -> NoReturn:
    print(f"{prog}: {message}", file=sys.stderr, flush=True)
    _end(status)


_cleanup = {"wanted": True}


def leave_without_cleanup() -> None:
    """Have `run` end the process at once: a thread in a library's C++ would abort it at exit."""
    _cleanup["wanted"] = False


def _end(status: int) -> NoReturn:
    """Leave with a status, without what a library does at exit if that would change it."""
    if _ABORTS_AT_EXIT in sys.modules or not _cleanup["wanted"]:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(status)
    sys.exit(status)
