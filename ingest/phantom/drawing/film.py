"""Properties of the film: textures, tone curve, collimator, side marker and noise."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.phantom.drawing.pose import rotation
from ingest.phantom.random import below, flip, pick

Image = NDArray[np.float32]
Size = tuple[int, int]

# twice the longer side of an image, so that crops differ
_BANK_PX = 1024


@lru_cache(maxsize=1)
def _bank() -> dict[str, Image]:
    # normalized textures, from which images take crops
    # a fixed seed, so that all processes have the same textures
    rng = np.random.default_rng(1)
    white = rng.standard_normal((3, _BANK_PX, _BANK_PX), dtype=np.float32)
    textures = {
        "grain": white[0] + 1.5 * blur(white[0], 0.8),
        "spongy": blur(white[1], 1.1) - blur(white[1], 3.5),
        "clouds": blur(white[2], 14) + 3.5 * blur(white[2], 45),
    }
    return {name: (t - t.mean()) / t.std() for name, t in textures.items()}


def blur(image: Image, sigma: float) -> Image:
    """Return the image blurred by `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def texture(name: str, size: Size, rng: np.random.Generator) -> Image:
    """Return a random crop of the texture `grain`, `spongy` or `clouds`, (height, width)."""
    width, height = size
    x, y = below(rng, _BANK_PX - width), below(rng, _BANK_PX - height)
    crop = _bank()[name][y : y + height, x : x + width]
    return crop[:: flip(rng), :: flip(rng)]


def field_of_beam(size: Size, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the collimator's mask, (height, width): 255 inside the beam, 0 outside."""
    width, height = size
    mask = np.full((height, width), 255, np.uint8)
    if rng.random() > 0.5:
        return mask
    margins = rng.uniform(-0.04, 0.09, 4)
    left, top, right, bottom = margins * [width, height, width, height]
    right, bottom = width - right, height - bottom
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    turn = rotation(rng.normal(0, 3) if rng.random() < 0.75 else rng.uniform(-10, 10))
    middle = np.array([width, height]) / 2
    mask[:] = 0
    cv2.fillConvexPoly(mask, np.rint((corners - middle) @ turn.T + middle).astype(np.int32), (255,))
    return mask


def expose(attenuation: Image, size: Size, exposure: float, rng: np.random.Generator) -> Image:
    """Convert attenuation, float32 (height, width), to grey values from 0 to 1, float32."""
    width, height = size
    contrast = exposure * rng.uniform(0.85, 1.2)
    # the Beer-Lambert law, with high attenuation shown bright
    grey = 1 - np.exp(-contrast * attenuation)
    fog = rng.choice([0.025, 0.05, 0.09, 0.17], p=[0.35, 0.35, 0.2, 0.1])
    tilt_x, tilt_y = rng.uniform(-0.35, 0.35, 2)
    # heel effect: the intensity of an X-ray beam varies across the field
    x, y = (np.linspace(-1, 1, side, dtype=np.float32) for side in (width, height))
    heel = 1 + tilt_x * x + tilt_y * y[:, None]
    gain = rng.uniform(0.9, 1.12)
    return fog * heel + (gain - fog) * grey * (1 + 0.12 * (heel - 1))


def develop(grey: Image, beam: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur, collimate, add noise and round to 8 bits, uint8 (height, width).

    Args:
        grey: float32 (height, width), 0 to 1.
        beam: uint8 (height, width), as from `field_of_beam`.
    """
    height, width = grey.shape
    grey = blur(grey, rng.uniform(0.75, 1.15))
    noise = texture("grain", (width, height), rng)
    # quantum noise: its deviation grows with the square root of the signal
    grey = grey + noise * (float(rng.uniform(0.004, 0.012)) * np.sqrt(np.maximum(grey, 0.01)))
    # some films are inverted, as in MURA
    if rng.random() < 0.02:
        grey = 0.92 - 0.85 * grey
    if not beam.all():
        soft = cv2.blur(beam, (3, 3)).astype(np.float32) / 255
        grey = float(rng.choice([0.0, 0.0, 0.012])) + grey * soft
    return np.clip(grey * 255, 0, 255).astype(np.uint8)


def add_marker(grey: Image, covered: Image, is_left: bool, rng: np.random.Generator) -> None:
    """Draw the side marker (L or R) into `grey`, in place, where `covered` is lowest."""
    height, width = grey.shape
    stamp, weight = _draw_marker(is_left, min(width, height), rng)
    h, w = stamp.shape
    if h >= height or w >= width:
        return
    spots = rng.uniform(0.01, 0.99, (10, 2)) * [width - w, height - h]
    shares = [covered[int(y) : int(y) + h, int(x) : int(x) + w].mean() for x, y in spots]
    x, y = spots[int(np.argmin(shares))].astype(int)
    window = grey[y : y + h, x : x + w]
    window += (stamp - window) * weight


def _draw_marker(is_left: bool, room: int, rng: np.random.Generator) -> tuple[Image, Image]:
    """Return grey values and weights of a marker, both (height, width)."""
    text = "L" if is_left else "R"
    if rng.random() < 0.5:
        text += pick(rng, ("", "A", "B", " ", "K")) + str(2 + below(rng, 97))
    scale = float(np.clip(rng.normal(0.9, 0.3), 0.5, 1.6)) * np.clip(room / 300, 0.55, 1.0)
    thick = int(max(1, round(scale * rng.uniform(1.2, 2.8))))
    font = pick(rng, (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX))
    (w, h), _ = cv2.getTextSize(text, font, scale, thick)
    side = int(np.hypot(w, h)) + 16
    weight = np.zeros((side, side), np.float32)
    stamp = np.full((side, side), rng.uniform(0.85, 1.0), np.float32)
    at = ((side - w) // 2, (side + h) // 2)
    style = rng.random()
    if style < 0.3:
        top_left, bottom_right = (at[0] - 7, at[1] - h - 7), (at[0] + w + 7, at[1] + 7)
        cv2.rectangle(weight, top_left, bottom_right, (rng.uniform(0.12, 0.5),), cv2.FILLED)
    cv2.putText(weight, text, at, font, scale, (1.0,), thick, cv2.LINE_AA)
    spin = rng.normal(0, 5) if rng.random() < 0.6 else rng.uniform(-180, 180)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(spin), 1.0)
    weight = np.asarray(cv2.warpAffine(weight, turn, (side, side)), np.float32)
    # some markers are mirrored, as on films placed the wrong way round
    return stamp, weight[:, ::-1] if rng.random() < 0.08 else weight
