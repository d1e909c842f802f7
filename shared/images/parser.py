"""Conversion of errors of third-party parsers to `ImageError`."""

from collections.abc import Generator
from contextlib import contextmanager

from shared.errors import ImageError


@contextmanager
def parser(name: str, reason: str = "undecodable") -> Generator[None, None, None]:
    """Convert every exception of a third-party parser to an `ImageError`.

    Damaged files make parsers raise `OSError`, `struct.error`, `zlib.error`, `RecursionError`,
    `AssertionError` and classes of their own. The message contains only the name of the class,
    because the parser's message may quote the content of a private file.

    A `MemoryError` passes: sizes in the file are checked before, so it is not the file's fault.

    Args:
        name: name of the parser, and of the part of the file that it reads.
    """
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        raise ImageError(reason, f"{name}: {type(error).__name__}") from None
    except BaseException as error:
        # pyo3 derives Rust panics from BaseException and exports no class for an except clause
        if type(error).__name__ != "PanicException":
            raise
        raise ImageError(reason, f"{name}: PanicException") from None
