"""Reading of source files, with a check that they have not changed since the scan."""

import errno
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from ingest.write.tasks import UNREADABLE, PlannedView
from shared.errors import ImageError, SourceError
from shared.storage.bucket import REQUESTS, Bucket
from shared.storage.local import Folder
from shared.storage.store import Store

_SOURCE_LIMIT_BYTES = 256 * 1024 * 1024
"""A generous limit: the largest detectors produce 30 MB uncompressed."""
_NS_PER_S = 10**9
# errors of a single file, which is rejected; others, such as ENOENT, stop the ingest
_FAULTS_OF_ONE_FILE = {errno.EACCES, errno.EPERM, errno.EIO}


def read_views(
    source: Store, views: Sequence[PlannedView]
) -> Iterator[tuple[PlannedView, Callable[[], bytes]]]:
    """Yield each view with a function that reads its file; objects are read in parallel.

    The function raises:
        ImageError: the file is too large, or cannot be read.
        SourceError: it has vanished, or changed since the scan.
        StoreError: the object store does not respond, or returns an error.
    """
    if isinstance(source, Folder):
        return ((view, partial(_read_file, str(source), view)) for view in views)
    return _read_ahead(source, views)


def _read_ahead(
    source: Bucket, views: Sequence[PlannedView]
) -> Iterator[tuple[PlannedView, Callable[[], bytes]]]:
    with ThreadPoolExecutor(REQUESTS) as pool:
        reading: deque[tuple[PlannedView, Future[bytes]]] = deque()
        try:
            for view in views:
                reading.append((view, pool.submit(_read_object, source, view)))
                if len(reading) == REQUESTS:
                    view, read = reading.popleft()
                    yield view, read.result
            for view, read in reading:
                yield view, read.result
        finally:
            # the caller may stop early, and must not wait for reads that have not started
            pool.shutdown(cancel_futures=True)


def _read_file(source: str, view: PlannedView) -> bytes:
    path = f"{source}/{view.view_id}"
    _refuse_large(view)
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # a Path costs as much as the read
            before = os.fstat(file.fileno())
            encoded = file.read()
            after = os.fstat(file.fileno())
    except OSError as error:
        if error.errno in _FAULTS_OF_ONE_FILE:
            raise ImageError(UNREADABLE, f"{error.strerror}") from None
        raise _vanished(path, str(error.strerror)) from None
    # ctime is compared only across the read: a link or permission changed since the scan alters it
    # without altering the content, and the next run decodes the file again
    is_stable = before.st_ctime_ns == after.st_ctime_ns
    found = (len(encoded), after.st_mtime_ns)
    if not is_stable or found != (view.source_bytes, view.modified_ns):
        raise _changed(path, view, len(encoded))
    return encoded


def _read_object(source: Bucket, view: PlannedView) -> bytes:
    _refuse_large(view)
    try:
        encoded, modified_s = source.read_with_time(view.view_id)
    except FileNotFoundError:
        raise _vanished(source.where(view.view_id), "no such object") from None
    # listings may include fractions of a second; the Last-Modified header does not
    if (len(encoded), modified_s) != (view.source_bytes, view.modified_ns // _NS_PER_S):
        raise _changed(source.where(view.view_id), view, len(encoded))
    return encoded


def _refuse_large(view: PlannedView) -> None:
    if view.source_bytes > _SOURCE_LIMIT_BYTES:
        raise ImageError(
            "too_large", f"the file has {view.source_bytes} bytes, at most {_SOURCE_LIMIT_BYTES}"
        )


def _vanished(path: str, how: str) -> SourceError:
    return SourceError(f"Expected to read {path}, found by the scan. Received: {how}; run again")


def _changed(path: str, view: PlannedView, num_bytes: int) -> SourceError:
    return SourceError(
        f"Expected {path} as the scan found it, of {view.source_bytes} bytes. "
        f"Received: {num_bytes} bytes, it changed while it was read; run again"
    )
