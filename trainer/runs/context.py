"""The options, lake, folder and timings of a run, which all its stages share."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shared.lake.open import Lake
from trainer.options import FitOptions

if TYPE_CHECKING:
    from trainer.data.input_wait import InputWait

AnyFitOptions = TypeVar("AnyFitOptions", bound=FitOptions, covariant=True)


class Timings:
    """The duration of each phase of a run, and the time it waited for input.

    Attributes:
        waiting_s: time spent waiting for input, by phase, for the phases that read images.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.waiting_s: dict[str, float] = {}

    @contextmanager
    def measure(self, phase: str, waiting: InputWait | None = None) -> Generator[None, None, None]:
        """Add the duration of the block to a phase, and the input wait within it."""
        started_s = time.monotonic()
        yield
        _add(self.seconds, phase, time.monotonic() - started_s)
        if waiting:
            _add(self.waiting_s, phase, waiting.seconds)


def _add(seconds: dict[str, float], phase: str, more_s: float) -> None:
    seconds[phase] = seconds.get(phase, 0.0) + more_s


@dataclass(frozen=True)
class RunContext(Generic[AnyFitOptions]):
    """The values that every stage of a run needs.

    `folder` is the run folder, for checkpoints and results; `timings` covers the phases so far;
    `start` describes the run with the initial weights, empty without one.
    """

    options: AnyFitOptions
    lake: Lake
    folder: Path
    timings: Timings = field(default_factory=Timings)
    start: Mapping[str, Any] = field(default_factory=dict[str, Any])
