"""Checks of option values; the errors name each option and its value."""

from collections.abc import Callable

from shared.errors import UsageError

_MAX_NUMBER = 2**31 - 1


def usage_error(options: object, expected: str, *names: str) -> UsageError:
    """Return the error for values that are not as expected; `names` are their options."""
    values = {name: getattr(options, name) for name in names}
    received = (f"{n}={v:g}" if isinstance(v, float) else f"{n}={v}" for n, v in values.items())
    return UsageError(f"Expected {expected}. Received: {' '.join(received)}")


def check_range(
    options: object, expected: str, is_inside: Callable[[float], bool], *names: str
) -> None:
    """Raise UsageError for a number out of range; None stands for a default value."""
    for name in names:
        value = getattr(options, name)
        # NaN is in no range
        if value is not None and not is_inside(value):
            raise usage_error(options, f"{name} to be {expected}", name)


def check_minimum(options: object, minimum: int, *names: str) -> None:
    """Raise UsageError for an option below a minimum, or beyond TensorFlow's integers."""
    check_range(options, f"{minimum} or more", lambda value: value >= minimum, *names)
    check_range(options, f"at most {_MAX_NUMBER}", lambda value: value <= _MAX_NUMBER, *names)


def check_seed(options: object) -> None:
    """Raise UsageError for a seed out of range."""
    check_range(options, f"0 to {_MAX_NUMBER}", lambda seed: 0 <= seed <= _MAX_NUMBER, "seed")
