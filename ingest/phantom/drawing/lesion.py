"""Lesions of abnormal studies: fractures, displaced fragments and hardware in one bone."""

import cv2
import numpy as np

from ingest.phantom.anatomy.bone import Array
from ingest.phantom.drawing.film import Image
from ingest.phantom.drawing.implants import draw_hardware
from ingest.phantom.drawing.outline import draw_polygon, draw_polyline
from ingest.phantom.drawing.pose import rotation
from ingest.phantom.drawing.site import Site
from ingest.phantom.random import flip

# x, y, width and height, in pixels
Box = tuple[int, int, int, int]

# beyond any image, in pixels, so that the polygon contains all of the bone past the crack
_FAR = 3000
# smallest change of attenuation that counts as part of the lesion
_VISIBLE = 0.05


def add_lesion(kind: str, layer: Image, site: Site, rng: np.random.Generator) -> tuple[Image, Box]:
    """Add a fracture, fragment or hardware to a bone, whose attenuation `layer` is drawn alone.

    Returns:
        The bone's new attenuation, and the bounding box of the change, inside the image.
    """
    if kind == "hardware":
        after, reach = layer + draw_hardware(layer.shape, site, rng), 12.0
    elif kind == "fracture":
        shift = rng.uniform(0.12, 0.4) * site.half_width * site.across * flip(rng)
        after, reach = _break(layer, site, shift, rng.normal(0, 2.0), rng), 2.2
    else:
        after, reach = _displace(layer, site, rng), 2.6
    return after, _find_box(np.abs(after - layer), site, max(reach * site.half_width, 10))


def _find_box(change: Image, site: Site, reach_px: float) -> Box:
    height, width = change.shape
    low = np.clip(site.point - reach_px, 0, [width - 1, height - 1]).astype(int)
    high = np.clip(site.point + reach_px, 1, [width, height]).astype(int)
    left, top = np.minimum(low, high - 1)
    window = change[top : high[1], left : high[0]] > _VISIBLE
    if not window.any():
        return int(left), int(top), int(high[0] - left), int(high[1] - top)
    x, y, w, h = cv2.boundingRect(window.astype(np.uint8))
    return int(left) + x, int(top) + y, w, h


def _break(
    layer: Image, site: Site, shift: Array, angle_deg: float, rng: np.random.Generator
) -> Image:
    crack = _jagged_line(site, rng.uniform(-0.75, 0.75), rng)
    beyond = np.concatenate([crack, _FAR * (site.along + [[1], [-1]] * site.across) + site.point])
    moved = _move(layer, draw_polygon(layer.shape, beyond), site.point, shift, angle_deg)
    gap = np.zeros(layer.shape, np.float32)
    thick = int(np.clip(round(0.18 * site.half_width), 2, 5))
    draw_polyline(gap, crack, thick)
    gap = cv2.GaussianBlur(gap, (0, 0), 0.8)
    return moved * (1 - np.float32(rng.uniform(0.7, 0.95)) * gap)


def _displace(layer: Image, site: Site, rng: np.random.Generator) -> Image:
    """Break the bone with a large displacement, or move a chip of its edge."""
    w = site.half_width
    side = flip(rng)
    if rng.random() < 0.6:
        shift = w * (
            rng.uniform(0.35, 0.8) * side * site.across + rng.uniform(-0.1, 0.3) * site.along
        )
        return _break(layer, site, shift, flip(rng) * rng.uniform(5, 15), rng)
    edge = site.point + side * w * site.across
    corners = [(-1.5, 0.9), (-1.2, -0.5), (0.1, -1.1), (1.1, -0.5), (1.5, 0.9)]
    chip = np.array(
        [edge + 0.7 * w * (a * site.along + b * side * site.across) for a, b in corners]
    )
    shift = w * (rng.uniform(0.18, 0.45) * side * site.across + rng.uniform(-0.3, 0.3) * site.along)
    return _move(layer, draw_polygon(layer.shape, chip), edge, shift, float(rng.normal(0, 18)))


def _jagged_line(site: Site, obliqueness: float, rng: np.random.Generator) -> Array:
    steps = np.linspace(-1.9, 1.9, 13)
    jags = steps * obliqueness + rng.normal(0, 0.11, len(steps))
    offsets = steps[:, None] * site.across + jags[:, None] * site.along
    return site.point + site.half_width * offsets


def _move(layer: Image, piece: Image, pivot: Array, shift: Array, angle_deg: float) -> Image:
    height, width = layer.shape
    turn = rotation(angle_deg)
    matrix = np.column_stack([turn, pivot + shift - turn @ pivot])
    part = layer * piece
    return (layer - part) + cv2.warpAffine(part, matrix, (width, height))
