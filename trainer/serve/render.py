"""Render: answers become HTML."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.images.pixels import Pixels
from trainer.explain.overlay import encode_png
from trainer.report import formatting
from trainer.serve.study import Study

_TEMPLATE = "answer.html.j2"


def render(study: Study) -> str:
    """Return the HTML of a study's answer; its pictures are in it, for no file is kept."""
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "as_source": _to_source,
        "as_count": formatting.count,
        "as_percent": formatting.percent,
    }
    untyped: Any = page  # jinja2 leaves their types unknown
    untyped.filters.update(filters)
    return page.get_template(_TEMPLATE).render(study=study)


def _to_source(pixels: Pixels) -> str:
    """Return a picture, (height, width) or (height, width, 3) RGB, as a data URL."""
    picture = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    return f"data:image/png;base64,{base64.b64encode(encode_png(picture)).decode()}"
