"""How a benchmark tells its result: a printed table, and JSON in .benchmarks/."""

import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from shared.console import show_table
from tests.commands import PROJECT

RESULTS = PROJECT / ".benchmarks"


def rate(num_images: int, work: Callable[[], object], repeats: int = 3) -> float:
    """Return images per second, the best of some repeats: others share the machine."""
    seconds = []
    for _ in range(repeats):
        started_s = perf_counter()
        work()
        seconds.append(perf_counter() - started_s)
    return num_images / min(seconds)


def publish(name: str, rates: dict[str, float], baseline: str) -> Path:
    """Print rates and their ratios to `baseline`, and write them to `.benchmarks/NAME.json`."""
    rows = [
        [what, f"{value:,.0f}", f"{value / rates[baseline]:.2f}"] for what, value in rates.items()
    ]
    show_table(name, ["way", "images/s", f"times {baseline}"], rows)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"images_per_s": rates, "baseline": baseline}, indent=2) + "\n")
    return path
