"""Steps of training as options have them: XLA, mixed precision, several devices, augmentation."""

from pathlib import Path
from statistics import median

import polars as pl
import pytest

from ingest.phantom.generate import generate
from ingest.phantom.options import PhantomOptions
from shared.console import show_table
from tests.benchmarks.tables import save
from tests.commands import run

pytestmark = pytest.mark.benchmark

MODELS = ("cnn2", "cnn4", "resnet_small", "efficientnet_lite0")
WAYS: dict[str, tuple[str, ...]] = {
    "float32": (),
    "xla=on": ("xla=on",),
    "mixed_bfloat16": ("precision=mixed_bfloat16",),
    "devices=2": ("devices=2",),
    "augment=light": ("augment=light",),
    "augment=strong": ("augment=strong",),
}
PLAIN = ("float32", "xla=on", "mixed_bfloat16")
"""Ways whose steps wait for nothing but reading: augmentation works on the same processor, and
several devices ask for batches ahead of need, which counts as waiting."""
ROUNDS = 2


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit_speed")
    tree = generate(PhantomOptions(out=str(folder), views=400, part="humerus"))
    assert run("mura-ingest", tree, f"lake={folder / 'lake'}").returncode == 0
    return folder / "lake"


@pytest.mark.parametrize("model", MODELS)
def test_fit_speed(model: str, lake: Path, tmp_path: Path) -> None:
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    waits: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(ROUNDS):
        for index, (way, words) in enumerate(WAYS.items()):
            out = tmp_path / f"{turn}-{index}"
            fit = (f"lake={lake}", f"model={model}", "train=all", "epochs=3", f"out={out}")
            result = run("mura-train", *fit, *words, timeout_s=1000)
            assert result.returncode == 0, result.stderr
            # the first epoch has the building of the graph
            epochs = pl.read_parquet(out / "history.parquet").filter(pl.col("epoch") > 1)
            rates[way] += epochs["images_per_s"].to_list()
            waiting_s, train_s = epochs.select(pl.sum("waiting_s", "train_s")).row(0)
            waits[way].append(waiting_s / train_s)
    best = {way: max(values) for way, values in rates.items()}
    rows = [
        [way, f"{rate:,.0f}", f"{rate / best['float32']:.2f}", f"{median(waits[way]):.2%}"]
        for way, rate in best.items()
    ]
    show_table(f"fit-{model}", ["way", "images/s", "times float32", "waiting"], rows)
    save(f"fit-{model}", {"images_per_s": best, "waiting_share": waits})
    assert all(median(waits[way]) < 0.02 for way in PLAIN)
