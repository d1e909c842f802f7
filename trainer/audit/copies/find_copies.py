"""Pairs of views with the same image: equal, re-encoded, resized, mirrored or turned."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from shared.images.pixels import Pixels
from shared.images.preprocessing.crop import find_field
from trainer.audit.copies.perceptual_hash import Bits, Rows, find_similar, orient

Details = npt.NDArray[np.float16]
# from rows to images, uint8 (rows, size, size)
ReadViews = Callable[[Rows], Pixels]

# bits in which the hashes of copies differ: at most 4 for JPEG at quality 30 or half the size
_MAX_DISTANCE = 10
_COARSE_PX, _FINE_PX = 32, 96
_COARSE_SIGMA, _FINE_SIGMA = 2.0, 3.0
# Minimum correlation of two copies. On phantoms and real radiographs, copies at JPEG quality 30
# or half the size have at least 0.97 and 0.82, other patients at most 0.88 and 0.68.
# Lakes of 96 px have less detail: two of 1,560 phantoms of different patients have 0.79.
_MIN_COARSE, _MIN_FINE = 0.9, 0.75
# pairs compared at a time; the limits bound memory
_CHUNK_COARSE, _CHUNK_PAIRS = 2048, 64


def coarse_detail(inside: Pixels) -> Details:
    """Return the fine structure of a field at 32 x 32 pixels, float16 (1024,), of norm 1."""
    return _detail(inside, _COARSE_PX, _COARSE_SIGMA).astype(np.float16).ravel()


def find_copies(bits: Bits, details: Details, read: ReadViews) -> list[tuple[int, int, int, float]]:
    """Return the pairs of views that show the same image.

    Pairs with similar perceptual hashes are compared by the correlation of their fine structure,
    first at 32 x 32 pixels, then from the stored pixels at 96 x 96.

    Args:
        bits: perceptual hashes, bool (views, 8, 64).
        details: as from `coarse_detail`, float16 (views, 1024).

    Returns:
        For each pair: the rows of the views, the orientation of the first that shows the second,
        and the correlation.
    """
    pairs = [
        (int(first), int(second), orientation)
        for firsts, seconds, orientation in find_similar(bits, _MAX_DISTANCE)
        for first, second in _keep_coarse(details, firsts, seconds, orientation)
    ]
    copies: dict[tuple[int, int], tuple[int, float]] = {}
    for start in range(0, len(pairs), _CHUNK_PAIRS):
        chunk = pairs[start : start + _CHUNK_PAIRS]
        images = read(np.array([row for first, second, _ in chunk for row in (first, second)]))
        for index, (first, second, orientation) in enumerate(chunk):
            correlation = correlate(images[2 * index], images[2 * index + 1], orientation)
            # a symmetric image is a copy in several orientations
            known = copies.get((first, second), (0, _MIN_FINE))[1]
            if correlation >= known:
                copies[first, second] = orientation, correlation
    return [(*pair, *found) for pair, found in sorted(copies.items())]


def correlate(first: Pixels, second: Pixels, orientation: int) -> float:
    """Return the correlation, -1 to 1, of the fine structure of two views, the first oriented."""
    details = (_detail(view[find_field(view)], _FINE_PX, _FINE_SIGMA) for view in (first, second))
    return float((orient(next(details), orientation) * next(details)).sum())


def _keep_coarse(
    details: Details, first: Rows, second: Rows, orientation: int
) -> npt.NDArray[np.int64]:
    """Return the pairs with correlated fine structure at 32 x 32 pixels, (pairs, 2)."""
    pairs = np.stack([first, second], axis=1)
    kept = [pairs[:0]]
    for start in range(0, len(pairs), _CHUNK_COARSE):
        chunk = pairs[start : start + _CHUNK_COARSE]
        own, other = details[chunk[:, 0]], details[chunk[:, 1]]
        correlation = _correlate_coarse(own, other, orientation)
        kept.append(chunk[correlation >= _MIN_COARSE])
    return np.concatenate(kept)


def _correlate_coarse(first: Details, second: Details, orientation: int) -> npt.NDArray[np.float32]:
    squares = first.reshape(-1, _COARSE_PX, _COARSE_PX)
    first = orient(squares, orientation).reshape(first.shape)
    return (first.astype(np.float32) * second.astype(np.float32)).sum(axis=1)


def _detail(inside: Pixels, side_px: int, sigma: float) -> npt.NDArray[np.float32]:
    """Return a field without its coarse structure, float32 (side, side), mean 0 and norm 1."""
    small = cv2.resize(inside, (side_px, side_px), interpolation=cv2.INTER_AREA).astype(np.float32)
    # coarse structure is similar in all radiographs of a body part
    detail = small - np.asarray(cv2.GaussianBlur(small, (0, 0), sigma), np.float32)
    detail -= detail.mean()
    norm = np.linalg.norm(detail)
    return detail / norm if norm > 0 else detail
