"""Costs of stages and tables of five million views, as in docs/benchmarks.md."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.console import show_table
from tests.benchmarks.cache import phantom_tree
from tests.benchmarks.listing import BUCKET
from tests.benchmarks.tables import save
from tests.commands import PROJECT, run

FEW, MANY = 1_000_000, 5_000_000

pytestmark = pytest.mark.benchmark


def test_stages(tmp_path: Path) -> None:
    tree = phantom_tree(600)
    assert run("mura-ingest", tree, f"lake={tmp_path / 'lake'}").returncode == 0
    measured = _run_module("stages", tree, tmp_path / "lake")
    rows = [[stage, f"{cost:.3g}"] for stage, cost in measured["cpu_ms"].items()]
    show_table("stages", ["stage", "CPU ms/view"], rows)
    save("stages", measured)


def test_tables_grow_with_views_and_no_faster(tmp_path: Path) -> None:
    few, many = (_measure_tables(num, tmp_path / str(num)) for num in (FEW, MANY))
    header = ["step", *(f"{what}, {n:,}" for n in (FEW, MANY) for what in ("s", "peak MB"))]
    rows = [
        [step, *(f"{of[step][what]:,.4g}" for of in (few, many) for what in ("seconds", "peak_mb"))]
        for step in few
    ]
    show_table("tables", header, rows)
    save("tables", {str(FEW): few, str(MANY): many})
    growth = MANY / FEW
    for what, total in (("seconds", _sum_seconds), ("peak_mb", _peak_mb)):
        assert total(many) < 1.3 * growth * total(few), what


def _measure_tables(num_views: int, lake: Path) -> dict[str, Any]:
    module = (sys.executable, "-m", "tests.benchmarks.listing", str(num_views))
    with subprocess.Popen(module, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as server:
        assert server.stdout
        port = server.stdout.readline().strip()
        try:
            steps = _run_module("manifest_steps", f"s3://{BUCKET}", lake, port=port)["steps"]
        finally:
            server.kill()
    return steps


def _run_module(name: str, *words: object, port: str = "") -> dict[str, Any]:
    store = {
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    result = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", *map(str, words)],
        env={**os.environ, **(store if port else {})},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def _sum_seconds(steps: dict[str, Any]) -> float:
    return sum(step["seconds"] for step in steps.values())


def _peak_mb(steps: dict[str, Any]) -> float:
    return max(step["peak_mb"] for step in steps.values())
