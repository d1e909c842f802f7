"""Attenuation of the X-ray beam by soft tissue and bones."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.phantom.drawing.film import Image, Size, blur, texture
from ingest.phantom.drawing.outline import fill
from ingest.phantom.drawing.pose import Outline

# soft tissue is smooth, so it is drawn at a quarter of the resolution
_COARSE = 4


def draw_tissue(
    outlines: list[Outline], size: Size, thick_px: float, rng: np.random.Generator
) -> Image:
    """Return the attenuation of soft tissue, (height, width): one body, thin at its edge."""
    width, height = size
    # padding, so that the distance transform does not treat the image border as an edge
    pad = int(min(thick_px, 200)) // _COARSE + 2
    mask = np.zeros((height // _COARSE + 2 * pad, width // _COARSE + 2 * pad), np.uint8)
    for outline in outlines:
        fill(mask, outline.edges[0] / _COARSE + pad, 255)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)[pad:-pad, pad:-pad]
    depth = np.minimum(depth * (_COARSE / thick_px), 1).astype(np.float32)
    # sqrt(d * (2 - d)): half the chord of a unit circle at the distance d from its edge
    body = blur(np.sqrt(depth * (2 - depth)), max(1.5, 0.12 * thick_px / _COARSE))
    body *= 1 + 0.06 * texture("clouds", (body.shape[1], body.shape[0]), rng)
    return np.asarray(cv2.resize(body, size, interpolation=cv2.INTER_LINEAR), np.float32)


def add_bone(total: Image, outline: Outline) -> None:
    """Add a bone's attenuation to `total`: a tube of compact bone, filled with cancellous bone."""
    height, width = total.shape
    every = np.concatenate(outline.edges)
    low = np.maximum(np.floor(every.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(every.max(axis=0)).astype(int) + 3, [width, height])
    if (high - low < 3).any():
        return
    # padding, so that the distance transform does not treat the film's border as an edge
    pad = int(2 * outline.shaft_px) + 2
    mask = np.zeros((high - low + 2 * pad)[::-1], np.uint8)
    for edge in outline.edges:
        fill(mask, edge - low + pad, 255)
    depth = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 3)[pad:-pad, pad:-pad], np.float32)
    middle = _find_middle(outline, low, high - low)
    total[low[1] : high[1], low[0] : high[0]] += outline.density * _tube(depth, middle, outline)


def _tube(depth: Image, middle: Image, outline: Outline) -> Image:
    """Return the attenuation of a hollow tube at the distance `depth` (pixels) from its edge."""
    radius = max(outline.shaft_px, 2.0)
    # compact bone is thickest along the shaft (middle = 1) and thinnest at the ends
    cortex = max(outline.cortex_px, 1.0) * (0.3 + 0.7 * middle)
    cortex = np.minimum(cortex, 0.5 * radius)
    hollow = 0.55 + 0.15 * middle
    outer = np.minimum(depth / radius, 1)
    inner = np.clip((depth - cortex) / (radius - cortex), 0, 1)
    wide = np.minimum(depth / (3.5 * radius), 1)
    return np.sqrt(outer * (2 - outer)) - hollow * np.sqrt(inner * (2 - inner)) + 0.35 * wide


def _find_middle(outline: Outline, low: NDArray[np.int_], size: NDArray[np.int_]) -> Image:
    start, end = outline.line[0], outline.line[-1]
    axis = (end - start) / max(float(np.sum((end - start) ** 2)), 1.0)
    x, y = (np.arange(n, dtype=np.float32) for n in size)
    x, y = (x + low[0] - start[0]) * axis[0], (y + low[1] - start[1]) * axis[1]
    along = np.clip(x + y[:, None], 0, 1).astype(np.float32)
    return np.minimum(np.minimum(along, 1 - along) / 0.33, 1)
