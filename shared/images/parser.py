"""Conversion of errors of third-party parsers to `ImageError`."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from shared.errors import ImageError


@contextmanager
def parser(name: str, reason: str = "undecodable") -> Generator[None, None, None]:
    """Convert every exception of a third-party parser to an `ImageError`.

    Args:
        name: name of the parser, and of the part of the file that it reads.
    """
    try:
        yield
    # sizes in the file are checked before, so a lack of memory is not the file's fault
    except (ImageError, MemoryError):
        raise
    # damaged files make parsers raise OSError, struct.error, zlib.error, RecursionError and classes
    # of their own; only the name of the class, because a message may quote a private file
    except Exception as error:
        raise ImageError(reason, f"{name}: {type(error).__name__}") from None
    except BaseException as error:
        # pyo3 derives Rust panics from BaseException and exports no class for an except clause
        if type(error).__name__ != "PanicException":
            raise
        raise ImageError(reason, f"{name}: PanicException") from None


def decode_with_opencv(encoded: bytes, flags: int) -> npt.NDArray[Any]:
    """Decode with OpenCV; raise MemoryError, not ImageError, if it runs out of memory."""
    try:
        pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from None
        raise ImageError("undecodable", f"OpenCV: error {error.code}") from None
    if pixels is None:  # pyright: ignore[reportUnnecessaryComparison]  # the stubs omit None
        raise ImageError("undecodable", "OpenCV cannot decode the file")
    return pixels
