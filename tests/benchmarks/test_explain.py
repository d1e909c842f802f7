"""Peaks of heat maps in the lesions of phantoms of a MURA humerus, by model; chance beside them."""

from pathlib import Path

import pytest

from ingest.phantom.generate import generate
from ingest.phantom.options import PhantomOptions
from shared.console import show_table
from shared.lake.open import Lake, open_lake
from tests.benchmarks.tables import save
from tests.commands import run
from tests.trainer.explain.lesions import find_lesions

pytestmark = pytest.mark.benchmark

MODELS = ("resnet_small", "efficientnet_lite0")
"""Those that learn to tell normal from abnormal of so few views."""


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lesions")
    generate(PhantomOptions(out=str(out), views=1_560, part="humerus"))
    return out


@pytest.fixture(scope="module")
def lake(phantom: Path) -> Lake:
    result = run("mura-ingest", phantom, f"lake={phantom / 'lake'}", timeout_s=300)
    assert result.returncode == 0, result.stderr
    return open_lake(phantom / "lake")


@pytest.mark.parametrize("model", MODELS)
def test_explain(model: str, lake: Lake, phantom: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("part=humerus", f"model={model}", f"lake={lake.root}", f"out={out}")
    result = run("mura-train", *words, timeout_s=2_000)
    assert result.returncode == 0, result.stderr
    found = find_lesions(out, lake, phantom)
    times_chance = found.share / found.chance
    row = [model, f"{found.share:.3f}", f"{found.chance:.3f}", f"{times_chance:.0f}"]
    show_table(f"explain-{model}", ["model", "in the lesion", "chance", "times chance"], [row])
    save(f"explain-{model}", {"share": found.share, "chance": found.chance})
    assert times_chance > 10
