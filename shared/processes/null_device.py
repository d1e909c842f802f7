"""The null device in place of file descriptors."""

import os


def discard(*descriptors: int) -> None:
    """Connect file descriptors to the null device, also for native code."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
