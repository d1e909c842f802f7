"""How a benchmark measures and tells: ways timed in turn, a printed table, JSON in .benchmarks/."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from shared.console import show_table
from tests.commands import PROJECT

RESULTS = PROJECT / ".benchmarks"


@dataclass(frozen=True)
class Speed:
    """Images per second in the best and in the median of some repeats."""

    best: float
    median: float


def rate(num_images: int, work: Callable[[], object], repeats: int = 3) -> float:
    """Return images per second, the best of some repeats: others share the machine."""
    return num_images / min(seconds(work) for _ in range(repeats))


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started_s = perf_counter()
    work()
    return perf_counter() - started_s


def speeds(
    num_images: int, ways: Mapping[str, Callable[[Path], object]], repeats: int = 3
) -> dict[str, Speed]:
    """Time the ways in turn, round by round, so that others on the machine disturb all alike.

    Each is given a new folder to write into. What earlier ones wrote is on the disk by then, so
    that nobody waits for another's pages.
    """
    taken_s: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, work in ways.items():
            with TemporaryDirectory() as out:
                os.sync()
                taken_s[way].append(seconds(lambda work=work, out=out: work(Path(out))))
    return {
        way: Speed(num_images / min(taken), num_images / median(taken))
        for way, taken in taken_s.items()
    }


def publish(name: str, rates: dict[str, float], baseline: str) -> Path:
    """Print rates and their ratios to `baseline`, and write them to `.benchmarks/NAME.json`."""
    rows = [
        [what, f"{value:,.0f}", f"{value / rates[baseline]:.2f}"] for what, value in rates.items()
    ]
    show_table(name, ["way", "images/s", f"times {baseline}"], rows)
    return save(name, {"images_per_s": rates, "baseline": baseline})


def publish_speeds(
    name: str, measured: Mapping[str, Speed], baseline: str, skipped: Mapping[str, str]
) -> Path:
    """Do as `publish` does, with best and median, and with the reason of each way not measured."""
    base = measured[baseline].best
    rows = [
        [way, *(f"{v:,.0f}" for v in (speed.best, speed.median)), f"{speed.best / base:.2f}", ""]
        for way, speed in measured.items()
    ]
    rows += [[way, "", "", "", f"skipped: {reason}"] for way, reason in skipped.items()]
    show_table(name, ["way", "images/s", "median", f"times {baseline}", ""], rows)
    images_per_s = {way: asdict(speed) for way, speed in measured.items()}
    return save(
        name, {"images_per_s": images_per_s, "baseline": baseline, "skipped": dict(skipped)}
    )


def save(name: str, facts: Mapping[str, object]) -> Path:
    """Write what was measured to `.benchmarks/NAME.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(facts, indent=2) + "\n")
    return path
