"""Progress of a stage on the console."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from shared.console import note
from shared.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

# without a terminal: a line after 5 s, then at doubling intervals of up to a minute
_PLAIN_FIRST_S, _PLAIN_EVERY_S = 5.0, 60.0


class Progress:
    """Progress on standard error: a bar on a terminal, otherwise an occasional line.

    Args:
        stage: verb of the stage, e.g. `decode`.
        unit: plural name of the units; the rate is units per second.
    """

    def __init__(self, stage: str, total: int, unit: str = "images"):
        self._stage, self._total, self._unit = stage, total, unit
        self._done, self._status = 0, ""
        # units before the rate is measured, because the first ones wait for processes to start
        self._num_first = 0
        self._started_s = self._said_s = self._first_s = time.monotonic()
        self._quiet_s = _PLAIN_FIRST_S
        self._bar = None
        if sys.stderr.isatty():
            self._bar = _make_bar()
            self._task = self._bar.add_task(stage, total=total, rate="", status="")

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()
        elif self._said_s > self._started_s and self._done == self._total:
            note(self._line())

    def advance(self, num: int = 1, status: str = "") -> None:
        """Count `num` more units as done, and update the display."""
        if not self._done:
            self._num_first, self._first_s = num, time.monotonic()
        self._done += num
        self._status = status or self._status
        if self._bar:
            self._bar.update(self._task, advance=num, rate=self._show_rate(), status=self._status)
        elif time.monotonic() - self._said_s >= self._quiet_s:
            self._said_s = time.monotonic()
            self._quiet_s = min(2 * self._quiet_s, _PLAIN_EVERY_S)
            note(self._line())

    def note(self, line: str) -> None:
        """Print a message about the stage, above the bar on a terminal."""
        if self._bar:
            text = printable(f"{self._stage}, {line}")
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            self._said_s = time.monotonic()
            note(f"{self._stage}, {line}")

    def _rate(self) -> float:
        now_s = time.monotonic()
        if self._done == self._num_first:
            return self._done / max(now_s - self._started_s, 1e-9)
        return (self._done - self._num_first) / max(now_s - self._first_s, 1e-9)

    def _show_rate(self) -> str:
        rate = self._rate()
        return f"{rate:,.0f} {self._unit}/s" if rate >= 10 else f"{rate:.1f} {self._unit}/s"

    def _line(self) -> str:
        line = f"{self._stage}: {self._done:,} of {self._total:,} {self._unit}"
        status = f", {self._status}" if self._status else ""
        if self._done == self._num_first < self._total:
            # the time of the first units says nothing about that of the others
            return f"{line}{status}"
        left = _show_duration((self._total - self._done) / max(self._rate(), 1e-9))
        return f"{line}, {self._show_rate()}{status}, {left} left"


def _show_duration(seconds: float) -> str:
    minutes, left_s = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60:,} h {minutes % 60} min"
    return f"{minutes} min {left_s} s" if minutes else f"{left_s} s"


def _make_bar() -> Bar:
    # late, as rich takes long to import, and is needed on a terminal only
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TextColumn("{task.fields[status]}"),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
