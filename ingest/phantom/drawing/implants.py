"""Metal implants: plates with screws, pins and nails."""

import cv2
import numpy as np

from ingest.phantom.anatomy.bone import Array
from ingest.phantom.drawing.film import Image
from ingest.phantom.drawing.outline import draw_polyline
from ingest.phantom.drawing.site import Site
from ingest.phantom.random import below, flip, pick

# attenuation of metal; bone has about 1
_METAL = 3.6


def draw_hardware(shape: tuple[int, ...], site: Site, rng: np.random.Generator) -> Image:
    """Return the attenuation of a plate with screws, of pins, or of a nail, (height, width)."""
    metal = np.zeros(shape, np.float32)
    style = rng.random()
    if style < 0.5:
        _draw_plate(metal, site, rng)
    elif style < 0.85:
        _draw_pins(metal, site, rng)
    else:
        start, stop = max(site.index - 11, 2), min(site.index + 11, len(site.outline.line) - 2)
        nail = site.outline.line[start:stop]
        draw_polyline(metal, nail, int(max(2, 0.36 * site.half_width)))
    return cv2.GaussianBlur(metal, (0, 0), 0.7) * _METAL


def _draw_plate(metal: Image, site: Site, rng: np.random.Generator) -> None:
    w = site.half_width
    reach = float(np.clip(rng.uniform(3.0, 5.5) * w, 30, 130))
    # seen from above with screw heads (0), or edge-on with screws
    offset = float(pick(rng, (-1, 0, 1)))
    outline = site.outline
    line = outline.line + offset * 0.95 * outline.half_width[:, None] * outline.normal
    near = np.linalg.norm(line - line[site.index], axis=1) <= reach
    plate = line[near] if near.sum() > 1 else line[site.index - 1 : site.index + 2]
    draw_polyline(metal, plate, int(max(2, (0.75 if offset == 0 else 0.3) * w)))
    for share in np.linspace(0.06, 0.94, 4 + below(rng, 4)):
        at = _find_point(plate, share)
        if offset:
            screw = np.array([at, at - offset * rng.uniform(1.5, 2.0) * w * site.across])
            draw_polyline(metal, screw, int(max(1, 0.16 * w)))
        else:
            centre = tuple(np.rint(at).astype(int).tolist())
            cv2.circle(metal, centre, int(max(1, 0.2 * w)), (0.55,), cv2.FILLED, cv2.LINE_AA)


def _find_point(line: Array, share: float) -> Array:
    before, rest = divmod(share * (len(line) - 1), 1)
    start = line[int(before)]
    return start + rest * (line[int(before) + 1] - start)


def _draw_pins(metal: Image, site: Site, rng: np.random.Generator) -> None:
    w = site.half_width
    lean = float(rng.uniform(0.3, 0.9) * flip(rng))
    for _ in range(1 + below(rng, 3)):
        way = site.along + (lean + rng.normal(0, 0.12)) * site.across
        way /= np.linalg.norm(way)
        middle = site.point + rng.normal(0, 0.4) * w * site.across
        reach = np.clip(rng.uniform(2.5, 4.5) * w, 18, 110)
        pin = np.array([middle - way * reach, middle + way * reach])
        draw_polyline(metal, pin, int(max(3, 0.22 * w)))
