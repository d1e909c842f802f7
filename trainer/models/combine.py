"""Combine: several models answer as one, to an image and to its mirror image, by their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

_WIDTH_AXIS = 2


def combine(
    members: Sequence[keras.Model], trunk: keras.Model | None = None, flips: str = "none"
) -> keras.Model:
    """Return a model that answers with the mean of what its members answer.

    Args:
        members: each from what the trunk makes of images, or from images where there is none, to
            probabilities (batch, outputs).
        trunk: from images to what the members share; it runs once for all of them.
        flips: `test` asks about each image and its mirror image.

    Returns:
        From uint8 images (batch, size, size, 1) to float32 probabilities (batch, outputs).
    """
    import keras

    first = trunk or members[0]
    if len(members) == 1 and flips == "none":
        return keras.Model(first.input, members[0](trunk.output)) if trunk else first
    images: Any = keras.Input(first.input_shape[1:], dtype="uint8", name="image")
    views = [images]
    if flips == "test":
        views.append(keras.ops.flip(images, _WIDTH_AXIS))
    if trunk:
        views = [trunk(view) for view in views]
    # layers of a model have names of their own
    named = [
        keras.Model(member.input, member.output, name=f"member_{index}")
        for index, member in enumerate(members, 1)
    ]
    answers = [member(view) for view in views for member in named]
    return keras.Model(images, keras.layers.Average(dtype="float32")(answers))


def mirror(trunk: keras.Model) -> keras.Model:
    """Return what makes of images what a trunk makes of their mirror images."""
    import keras

    images: Any = keras.Input(trunk.input_shape[1:], dtype="uint8", name="image")
    return keras.Model(images, trunk(keras.ops.flip(images, _WIDTH_AXIS)))
