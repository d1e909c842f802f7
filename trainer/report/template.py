"""Rendering of pages from templates, in a common style, and images for them."""

import base64
from pathlib import Path
from typing import Any

import cv2
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from shared.images.pixels import Pixels
from trainer.report.text import formatting

_THUMBNAIL_PX, _THUMBNAIL_QUALITY = 176, 82


def to_data_url(kind: str, file: bytes) -> str:
    """Return an image file for the `src` of a self-contained page; `kind` is `jpeg` or `png`."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def to_thumbnail(pixels: Pixels) -> str:
    """Return a view, (size, size) or RGB (size, size, 3), as a small JPEG in a `data:` URL."""
    side = min(_THUMBNAIL_PX, len(pixels))
    # INTER_AREA shrinks without aliasing
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    if small.ndim == 3:
        # OpenCV expects BGR
        small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, _THUMBNAIL_QUALITY))
    return to_data_url("jpeg", encoded.tobytes())


def render(template: Path, **values: Any) -> str:
    """Render a template: `.html.j2` with escaping, others as plain text.

    It may import the macros of `base.html.j2` and use the formats of
    `trainer.report.text.formatting`, as `as_NAME`.
    """
    environment: Any = Environment(  # jinja2 does not type filters and globals
        loader=FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=select_autoescape(["html.j2"]),
        keep_trailing_newline=True,
        # jinja's default prints nothing for a misspelt variable
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats = {f"as_{function.__name__}": function for function in formatting.FORMATS}
    environment.filters.update(formats)
    environment.globals.update(formats)
    return environment.get_template(template.name).render(**values)
