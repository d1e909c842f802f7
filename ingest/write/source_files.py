"""Reading of source files, with a check that they have not changed since the scan."""

import errno
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from ingest.write.tasks import UNREADABLE, PlannedView
from shared.counts import count
from shared.errors import ImageError, SourceError
from shared.storage.object_store.bucket import REQUESTS
from shared.storage.store import Store
from shared.storage.walk import ChangedFileError, StoredFile

# a generous limit: the largest detectors produce 30 MB uncompressed
_SOURCE_LIMIT_BYTES = 256 * 1024 * 1024
# errors of a single file, which is rejected; others, such as ENOENT, stop the ingest
_FAULTS_OF_ONE_FILE = {errno.EACCES, errno.EPERM, errno.EIO}

_Reads = Iterator[tuple[PlannedView, Callable[[], bytes]]]


def read_views(source: Store, views: Sequence[PlannedView]) -> _Reads:
    """Yield each view with a function that reads its file; objects are read in parallel.

    The function raises:
        ImageError: the file is too large, or cannot be read.
        SourceError: it has vanished, or changed since the scan.
        StoreError: the object store does not respond, or returns an error.
    """
    if source.is_local:
        return ((view, partial(_read, source, view)) for view in views)
    return _read_ahead(source, views)


def _read_ahead(source: Store, views: Sequence[PlannedView]) -> _Reads:
    with ThreadPoolExecutor(REQUESTS) as pool:
        reading: deque[tuple[PlannedView, Future[bytes]]] = deque()
        try:
            for view in views:
                reading.append((view, pool.submit(_read, source, view)))
                if len(reading) == REQUESTS:
                    view, read = reading.popleft()
                    yield view, read.result
            for view, read in reading:
                yield view, read.result
        finally:
            # the caller may stop early, and must not wait for reads that have not started
            pool.shutdown(cancel_futures=True)


def _read(source: Store, view: PlannedView) -> bytes:
    if view.source_bytes > _SOURCE_LIMIT_BYTES:
        detail = f"the file has {view.source_bytes} bytes; the limit is {_SOURCE_LIMIT_BYTES}"
        raise ImageError("too_large", detail)
    path = source.where(view.view_id)
    try:
        return source.read_listed(StoredFile(view.view_id, view.source_bytes, view.modified_ns))
    except ChangedFileError as error:
        raise SourceError(
            f"Expected {path} unchanged since the scan, of {view.source_bytes} bytes. "
            f"Received: {count(error.num_bytes, 'bytes')} of a changed file; run again"
        ) from None
    except OSError as error:
        if error.errno in _FAULTS_OF_ONE_FILE:
            raise ImageError(UNREADABLE, f"{error.strerror}") from None
        how = error.strerror or "no such object"
        raise SourceError(
            f"Expected to read {path}, found by the scan. Received: {how}; run again"
        ) from None
