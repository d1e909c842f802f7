"""Silence native libraries, which write to the file descriptors of stdout and stderr."""

import logging
import os
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager

from shared.processes.null_device import discard


@contextmanager
def silenced() -> Generator[None, None, None]:
    """Silence logging, warnings, and the file descriptors of stdout and stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    # converters in C++ print to the descriptors directly
    copies = [os.dup(1), os.dup(2)]
    disabled = logging.root.manager.disable
    try:
        discard(1, 2)
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
