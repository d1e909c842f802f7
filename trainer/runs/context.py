"""The options, lake, folder and timings of a run, which all its stages share."""

import time
from collections import defaultdict
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import polars as pl

from shared.lake.open import Lake
from trainer.data.input_wait import InputWait
from trainer.options import FitOptions

AnyFitOptions = TypeVar("AnyFitOptions", bound=FitOptions, covariant=True)


class Timings:
    """The duration of each phase of a run, and the wait for input of those that read images."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.waiting_s: dict[str, float] = defaultdict(float)

    @contextmanager
    def measure(self, phase: str, waiting: InputWait | None = None) -> Generator[None, None, None]:
        """Add the duration of the block to a phase, and the input wait within it."""
        started_s = time.monotonic()
        yield
        self.seconds[phase] += time.monotonic() - started_s
        if waiting:
            self.waiting_s[phase] += waiting.seconds


@dataclass(frozen=True)
class RunContext(Generic[AnyFitOptions]):
    """The values that every stage of a run needs.

    `start` describes the run with the initial weights, empty without one; `start_views` are its
    training views.
    """

    options: AnyFitOptions
    lake: Lake
    folder: Path
    timings: Timings = field(default_factory=Timings)
    start: Mapping[str, Any] = field(default_factory=dict[str, Any])
    start_views: pl.DataFrame | None = None
