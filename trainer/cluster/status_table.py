"""Progress of the fits on a cluster: a live table on a terminal, one line per event elsewhere."""

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table

from shared.cluster.task_status import Status
from shared.console import note


class FitTable:
    """Shows the node and the progress of each running fit on standard error."""

    def __init__(self) -> None:
        self._titles: Sequence[str] = ()
        self._statuses: dict[int, Status] = {}
        self._num_finished = 0
        self._live: Live | None = None

    @contextmanager
    def open(self, titles: Sequence[str]) -> Generator[None, None, None]:
        """Show the fits with these titles while the block runs."""
        self._titles, self._statuses, self._num_finished = titles, {}, 0
        if not (sys.stderr.isatty() and titles):
            yield
            return
        with Live(console=Console(stderr=True), transient=True) as self._live:
            yield
        self._live = None

    def show(self, statuses: Mapping[int, Status]) -> None:
        """Show the status of all running fits, by index."""
        for index, status in statuses.items():
            if status.text and status != self._statuses.get(index) and not self._live:
                note(f"{self._titles[index]}, {status.text}{_describe(status)}")
        self._statuses = dict(statuses)
        self._draw()

    def finish(self, index: int) -> None:
        """Show that a fit has ended."""
        self._num_finished += 1
        self._statuses.pop(index, None)
        self._draw()
        if not self._live:
            note(
                f"{self._titles[index]}: finished {self._num_finished} of {len(self._titles)} fits"
            )

    def _draw(self) -> None:
        if not self._live:
            return
        title = f"finished {self._num_finished} of {len(self._titles)} fits"
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        for name in ("fit", "node", "attempt", "status"):
            table.add_column(name)
        for index, status in sorted(self._statuses.items()):
            table.add_row(self._titles[index], status.host, str(status.tries), status.text)
        self._live.update(table)


def _describe(status: Status) -> str:
    attempt = f", attempt {status.tries}" if status.tries > 1 else ""
    return f" (on {status.host}{attempt})"
