"""Side marker of a film: L or R, often with the initials and number of the radiographer."""

import cv2
import numpy as np

from ingest.phantom.drawing.film import Image
from ingest.phantom.random import below, pick


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
