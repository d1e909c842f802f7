"""Board: what tasks say of themselves while they run, for one who looks on."""

from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """How a task stands.

    Attributes:
        host: on which it runs.
        tries: how often it was begun; more than once if a node or process died.
        text: what it said last.
    """

    host: str
    tries: int
    text: str = ""


class Board:
    """Keeps the last status of each task that runs; lives in a process of its own on some node."""

    def __init__(self) -> None:
        self._statuses: dict[int, Status] = {}

    def begin(self, index: int, host: str) -> None:
        """Note that a task has begun, perhaps again."""
        known = self._statuses.get(index)
        self._statuses[index] = Status(host, known.tries + 1 if known else 1)

    def say(self, index: int, text: str) -> None:
        """Note what a task says of itself."""
        known = self._statuses.get(index, Status("", 1))
        self._statuses[index] = Status(known.host, known.tries, text)

    def read(self, running: Collection[int], num_given: int) -> dict[int, Status]:
        """Return the status of each task that has begun and not ended; forget those that have.

        Args:
            running: the tasks that have not ended, of those given when this was asked.
            num_given: how many these were in all; later ones have begun meanwhile.
        """
        self._statuses = {
            index: status
            for index, status in self._statuses.items()
            if index in running or index >= num_given
        }
        return self._statuses


_say: ContextVar[Callable[[str], None] | None] = ContextVar("say", default=None)


def say_status(text: str) -> None:
    """Say how the task in which this is called stands; nobody hears it elsewhere."""
    if say := _say.get():
        say(text)


def say_by(say: Callable[[str], None]) -> None:
    """Let `say_status` say by this what the current task says."""
    _say.set(say)
