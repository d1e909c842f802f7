"""The boundary around third-party parsers: whatever they raise is the file's fault."""

from collections.abc import Generator
from contextlib import contextmanager

from shared.errors import ImageError


@contextmanager
def parser(name: str, reason: str = "undecodable") -> Generator[None, None, None]:
    """Turn every exception of a third-party parser into an `ImageError`.

    Parsers raise whatever a damaged file leads them to: `OSError`, `struct.error`, `zlib.error`,
    `RecursionError`, `AssertionError`, classes of their own. Their messages may quote the file,
    which can belong to somebody else than the reader of the message, so only the class is named.

    Args:
        name: of the parser, and of the part of the file that it reads.
        reason: of the `ImageError`.

    Raises:
        ImageError: the parser failed.
        MemoryError: the machine has too little memory. The sizes that a file may ask for are
            checked before it is parsed.
    """
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        raise ImageError(reason, f"{name}: {type(error).__name__}") from None
    except BaseException as error:
        # pyo3 derives the panics of Rust from BaseException, and exports no class to catch
        if type(error).__name__ != "PanicException":
            raise
        raise ImageError(reason, f"{name}: PanicException") from None
