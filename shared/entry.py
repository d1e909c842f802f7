"""Entry point of every command, with minimal imports, so that an early Ctrl-C is handled."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # `typing` takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

# 128 and the number of the signal, as shells report it
INTERRUPTED = 130
TERMINATED = 143


def run(command: Callable[[Sequence[str]], None], prog: str, if_interrupted: str) -> NoReturn:
    """Run `command` on this process's arguments and exit with its status.

    0: success; 1: failure; 2: usage error; 130: interrupted; 143: terminated.

    Args:
        command: called with the words after the program's name.
        if_interrupted: effect of an interruption on the work done so far, for the message.
    """
    stops: list[KeyboardInterrupt] = []
    try:
        _handle_signals(stops)
        _open_closed_streams()

        from shared.exit_status import carry_out

        carry_out(command, prog, stops)
    except KeyboardInterrupt as stop:
        _end_stopped(stop, prog, if_interrupted)


def _handle_signals(stops: list[KeyboardInterrupt]) -> None:
    """Convert SIGTERM and Ctrl-C to KeyboardInterrupt(signal number), appended to `stops`."""
    import signal

    def stop(number: int, _: object) -> NoReturn:
        stops.append(KeyboardInterrupt(number))
        raise stops[-1]

    signal.signal(signal.SIGTERM, stop)
    # a shell that starts a command in the background may make it ignore SIGINT
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)


def _open_closed_streams() -> None:
    # so that no other file gets their descriptors; in the wrong direction, so that any use fails
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # os.open returns the lowest free descriptor, which is this one
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
            os.set_inheritable(number, True)
            stream = open(number, "w" if number else "r", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def _end_stopped(stop: KeyboardInterrupt, prog: str, if_interrupted: str) -> NoReturn:
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    is_terminated = stop.args == (signal.SIGTERM,)
    message = f"{prog}: {'terminated' if is_terminated else 'interrupted'}; {if_interrupted}"
    try:
        sys.stdout.flush()
        print(message, file=sys.stderr, flush=True)
    finally:
        # at once, because exit handlers of libraries can take seconds
        os._exit(TERMINATED if is_terminated else INTERRUPTED)
