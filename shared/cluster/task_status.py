"""Status of running tasks, reported by the tasks themselves."""

from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """Status of a task: its latest message, and its number of starts (1 unless a process died)."""

    host: str
    tries: int
    text: str = ""


class Board:
    """Last status of each running task; runs as a Ray actor in its own process."""

    def __init__(self) -> None:
        self._statuses: dict[int, Status] = {}

    def begin(self, index: int, host: str) -> None:
        """Record the start or restart of a task."""
        previous = self._statuses.get(index)
        self._statuses[index] = Status(host, previous.tries + 1 if previous else 1)

    def say(self, index: int, text: str) -> None:
        """Record a message of a task."""
        previous = self._statuses.get(index, Status("", 1))
        self._statuses[index] = Status(previous.host, previous.tries, text)

    def read(self, running: Collection[int], num_submitted: int) -> dict[int, Status]:
        """Return the status of each started, unfinished task; forget the finished ones."""
        # tasks after the `num_submitted` of the request may have started since
        self._statuses = {
            index: status
            for index, status in self._statuses.items()
            if index in running or index >= num_submitted
        }
        return self._statuses


_say: ContextVar[Callable[[str], None] | None] = ContextVar("say", default=None)


def say_status(text: str) -> None:
    """Report the status of the current task; without a receiver, do nothing."""
    if say := _say.get():
        say(text)


def set_receiver(say: Callable[[str], None]) -> None:
    """Set the function through which `say_status` reports."""
    _say.set(say)
