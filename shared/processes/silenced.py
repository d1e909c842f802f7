"""Silence native libraries, which write to the file descriptors of stdout and stderr."""

import logging
import os
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def silenced() -> Generator[None, None, None]:
    """Silence logging, warnings, and the file descriptors of stdout and stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    # converters in C++ print to the descriptors directly
    copies = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    disabled = logging.root.manager.disable
    try:
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        logging.disable(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        logging.disable(disabled)
        for descriptor, copy in zip((1, 2), copies, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(nowhere)
