"""Entry: the first lines of every command, which import next to nothing.

From here on Ctrl-C and SIGTERM are answered, also while all the rest is imported, and descriptors
0, 1 and 2 are open. What Python does before its first line of ours is out of reach.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # `typing` takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

INTERRUPTED = 130
TERMINATED = 143


def run(command: Callable[[Sequence[str]], None], prog: str, if_interrupted: str) -> NoReturn:
    """Run `command` on this process's arguments and leave with its exit status.

    0 when it worked, 1 when it failed, 2 when it was asked wrongly, 130 when interrupted, 143 when
    terminated; every failure that a user can meet is one line on standard error.

    Args:
        command: takes the words after the program's name.
        prog: the program's name, before each failure.
        if_interrupted: what an interruption means for what was done so far.
    """
    stops: list[KeyboardInterrupt] = []
    try:
        _answer_stops(stops)
        _open_closed_streams()

        from shared.command_line import carry_out

        carry_out(command, prog, stops)
    except KeyboardInterrupt as stop:
        _end_stopped(stop, prog, if_interrupted)


def _answer_stops(stops: list[KeyboardInterrupt]) -> None:
    """Have SIGTERM and Ctrl-C raise KeyboardInterrupt of the signal's number, kept in `stops`."""
    import signal

    def stop(number: int, _: object) -> NoReturn:
        stops.append(KeyboardInterrupt(number))
        raise stops[-1]

    signal.signal(signal.SIGTERM, stop)
    # who starts a command in the background may have had it ignored
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)


def _open_closed_streams() -> None:
    """Open the standard streams that are closed, so that no other file gets their numbers.

    They are opened the wrong way round: who writes to a closed stream learns that it failed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # the lowest free number is taken
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
            os.set_inheritable(number, True)
            stream = open(number, "w" if number else "r", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def _end_stopped(stop: KeyboardInterrupt, prog: str, if_interrupted: str) -> NoReturn:
    """Say the one line and end at once: what libraries do at exit can take seconds."""
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    is_terminated = stop.args == (signal.SIGTERM,)
    said = f"{prog}: {'terminated' if is_terminated else 'interrupted'}; {if_interrupted}"
    try:
        sys.stdout.flush()
        print(said, file=sys.stderr, flush=True)
    finally:
        os._exit(TERMINATED if is_terminated else INTERRUPTED)
