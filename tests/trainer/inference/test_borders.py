"""The border of the field is dark in radiographs, and bright in inverted ones."""

import numpy as np

from ingest.phantom.drawing.image import View, draw
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import ImageSpec
from trainer.inference.borders import measure_borders


def test_the_padding_is_no_border() -> None:
    film = np.full((60, 100), 40, np.uint8)
    film[20:40, 30:70] = 200
    images = np.stack([prepare(each, ImageSpec(100)) for each in (film, np.bitwise_not(film))])
    # a margin of one pixel around the field is padding
    np.testing.assert_allclose(measure_borders(images[..., None]), [40, 215], rtol=0.25)


def test_inverted_phantoms_have_brighter_borders() -> None:
    views = [View(f"v{n}", "wrist", 130, 160, 1, None, n, 1000 + n, 2000 + n) for n in range(40)]
    films = [draw(view)[0] for view in views]
    images = np.stack([prepare(film, ImageSpec(96)) for film in films])
    inverted = np.stack([prepare(np.bitwise_not(film), ImageSpec(96)) for film in films])
    limit = measure_borders(images[..., None]).max()
    assert (measure_borders(inverted[..., None]) > limit).mean() >= 0.9
