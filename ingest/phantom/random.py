"""Typed helper functions for random draws."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def below(rng: np.random.Generator, stop: int) -> int:
    """Return a whole number from 0 to `stop` - 1."""
    # NumPy's own annotation of integers is incomplete
    return int(rng.integers(stop))  # pyright: ignore[reportUnknownMemberType]  # half typed


def pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """Return one of the items."""
    return items[below(rng, len(items))]


def shuffle(rng: np.random.Generator, items: Sequence[Item]) -> list[Item]:
    """Return the items in random order."""
    order: list[int] = rng.permutation(len(items)).tolist()
    return [items[index] for index in order]


def flip(rng: np.random.Generator) -> int:
    """Return 1 or -1."""
    return pick(rng, (-1, 1))
