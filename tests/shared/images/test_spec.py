"""The image spec says in lake.json what it means, and refuses what it does not know."""

from itertools import product
from typing import Any, get_args

import pytest

from shared.errors import LakeError, UsageError
from shared.images.spec import Contrast, Crop, Encoding, Fit, ImageSpec, Mask

PLAIN: dict[str, Any] = {
    "size": 224,
    "fit": "pad",
    "channels": 1,
    "dtype": "uint8",
    "encoding": "raw",
}


@pytest.mark.parametrize(
    "words", list(product(*map(get_args, (Fit, Crop, Mask, Contrast, Encoding))))
)
def test_every_spec_is_read_as_it_was_written(words: Any) -> None:
    spec = ImageSpec(64, *words)
    assert ImageSpec.from_json(spec.to_json()) == spec


def test_what_a_file_does_not_say_was_not_done() -> None:
    assert ImageSpec.from_json(PLAIN) == ImageSpec(224, "pad", "none", "none", "none", "raw")


@pytest.mark.parametrize(
    "other",
    [
        {"encoding": "webp"},
        {"contrast": "gamma"},
        {"channels": 3},
        {"colour": "sepia"},
        {"encoding": "jpeg", "jpeg_quality": 80},
        {"encoding": "jpeg"},
        {"jpeg_quality": 95},
    ],
)
def test_what_is_not_known_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(LakeError, match=rf"Expected images.*{list(other)[-1]}"):
        ImageSpec.from_json({**PLAIN, **other})


@pytest.mark.parametrize("name", ["fit", "crop", "mask", "contrast", "encoding"])
def test_a_wrong_word_is_refused_with_the_right_ones(name: str) -> None:
    with pytest.raises(UsageError, match=rf"Expected {name} to be one of .*Received: {name}=no"):
        ImageSpec(64, **{name: "no"})  # pyright: ignore[reportArgumentType]  # the mistake
