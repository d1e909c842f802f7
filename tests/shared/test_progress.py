"""Progress without a terminal: lines with the rate and the time left."""

import pytest

from shared.progress import Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def _advance(clock: list[float], progress: Progress, num: int, after_s: float) -> None:
    clock[0] += after_s
    progress.advance(num)


def test_the_start_of_processes_does_not_slow_the_rate(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("draw", 620) as progress:
        _advance(clock, progress, 20, 6.0)
        _advance(clock, progress, 200, 10.0)
    assert capsys.readouterr().err.splitlines() == [
        "draw: 20 of 620 images",
        "draw: 220 of 620 images, 20 images/s, 20 s left",
    ]


@pytest.mark.parametrize(("total", "left"), [(3, "6 s"), (22, "2 min 0 s"), (1_232, "2 h 3 min")])
def test_long_times_left_are_in_minutes_and_hours(
    clock: list[float], capsys: pytest.CaptureFixture[str], total: int, left: str
) -> None:
    with Progress("embed", total) as progress:
        _advance(clock, progress, 1, 1.0)
        _advance(clock, progress, 1, 6.0)
    assert f"0.2 images/s, {left} left" in capsys.readouterr().err
