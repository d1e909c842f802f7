"""HTML of the page and of the predictions for a study."""

from pathlib import Path

import numpy as np

from shared.images.pixels import Pixels
from trainer.explain.overlay import encode_png
from trainer.inference.novelty import UNLIKE
from trainer.report.template import render, to_data_url
from trainer.serve.study import StudyResult
from trainer.serve.upload.limits import MEGABYTE, Limits

_HERE = Path(__file__).parent


def render_page(limits: Limits) -> str:
    """Return the page without model data, which its script requests with the token."""
    return render(
        _HERE / "page.html.j2",
        max_views=limits.max_views,
        view_mb=limits.view_bytes // MEGABYTE,
        request_bytes=limits.request_bytes,
    )


def render_result(study: StudyResult) -> str:
    """Return the predictions for a study as HTML with embedded images, without heat maps."""
    predictions = study.predictions
    views = zip(predictions.views.iter_rows(named=True), study.images, strict=True)
    return render(
        _HERE / "result.html.j2",
        unlike=UNLIKE,
        studies=predictions.studies.to_dicts(),
        views=[{**row, "image": to_source(image)} for row, image in views],
        unread=predictions.unread.to_dicts(),
    )


def to_source(pixels: Pixels) -> str:
    """Return a picture, (height, width) or (height, width, 3) RGB, as a data URL."""
    picture = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    return to_data_url("png", encode_png(picture))
