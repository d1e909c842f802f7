"""The random changes of `augment=`: their order, ranges and probabilities."""

from dataclasses import dataclass

from trainer.options import Augment


@dataclass(frozen=True)
class Changes:
    """The random changes of a view, in the order of their application.

    Each view draws uniformly within the ranges, factors on a logarithmic scale. The first six are
    one interpolation. docs/augmentation.md repeats this table.

    Attributes:
        rotate: largest angle in degrees, to either side.
        mirror: probability of a horizontal mirror image.
        flip: probability of a vertical mirror image.
        shear: largest horizontal shift, to either side, as a fraction of the vertical distance.
        zoom: largest factor; its inverse is the smallest.
        shift: largest shift along each axis, as a fraction of the image side.
        rectangles: number of rectangles of one grey level, of 4 to 12 % of the image side.
        gamma: largest exponent of the grey levels divided by 255; its inverse is the smallest.
        contrast: largest relative change of the distances from mid-grey.
        brightness: largest change in grey levels.
        noise: largest standard deviation of uniform noise, in grey levels.
        invert: probability of inverted grey levels.
    """

    rotate: float = 0.0
    mirror: float = 0.0
    flip: float = 0.0
    shear: float = 0.0
    zoom: float = 1.0
    shift: float = 0.0
    rectangles: int = 0
    gamma: float = 1.0
    contrast: float = 0.0
    brightness: float = 0.0
    noise: float = 0.0
    invert: float = 0.0


CHANGES: dict[Augment, Changes] = {
    # as in earlier work on MURA
    "light": Changes(rotate=30.0, mirror=0.5),
    "strong": Changes(
        rotate=30.0,
        mirror=0.5,
        flip=0.1,
        shear=0.1,
        zoom=1.25,
        shift=0.1,
        # about the size of burnt-in markers
        rectangles=3,
        gamma=1.5,
        contrast=0.3,
        brightness=25.0,
        noise=8.0,
        # as a few films of MURA
        invert=0.1,
    ),
}
