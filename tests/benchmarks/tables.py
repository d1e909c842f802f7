"""How a benchmark measures and tells: ways timed in turn, a printed table, JSON in .benchmarks/."""

import json
import os
import resource
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
    """What some repeats took.

    Attributes:
        best: images per second in the best repeat.
        median: images per second in the median.
        cpu_ms: time of processors per image in the least of them, which others hardly disturb.
    """

    best: float
    median: float
    cpu_ms: float


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
    """Time commands in turn, round by round, so that others on the machine disturb all alike.

    Each is given a new folder to write into. What earlier ones wrote is on the disk by then, so
    that nobody waits for another's pages.
    """
    taken_s: dict[str, list[float]] = {way: [] for way in ways}
    cpu_s: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, work in ways.items():
            with TemporaryDirectory() as out:
                os.sync()
                before_s = _cpu_of_children_s()
                taken_s[way].append(seconds(lambda work=work, out=out: work(Path(out))))
                cpu_s[way].append(_cpu_of_children_s() - before_s)
    return {
        way: Speed(
            num_images / min(taken), num_images / median(taken), min(cpu_s[way]) / num_images * 1e3
        )
        for way, taken in taken_s.items()
    }


def _cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
    """Print and write speeds, ratios of the best, and why other ways were not measured."""
    base = measured[baseline].best
    rows = [
        [way, f"{s.best:,.0f}", f"{s.median:,.0f}", f"{s.best / base:.2f}", f"{s.cpu_ms:.2g}", ""]
        for way, s in measured.items()
    ]
    rows += [[way, "", "", "", "", f"skipped: {reason}"] for way, reason in skipped.items()]
    header = ["way", "images/s", "median", f"times {baseline}", "CPU ms/image", ""]
    show_table(name, header, rows)
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
