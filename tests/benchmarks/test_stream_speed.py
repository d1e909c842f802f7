"""Streaming shuffled epochs, against what people do today, peers, and the limit."""

import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from shared.lake.open import open_lake
from shared.lake.reader import ViewReader
from tests.benchmarks.cache import phantom_tree
from tests.benchmarks.peer import STREAMING_PEERS, PeerMissingError
from tests.benchmarks.streams import Stream, stream_speeds
from tests.benchmarks.tables import publish_speeds
from tests.commands import run

NUM_VIEWS = 2_000
PNG, RECORDS, OURS = "PNG directory, Keras", "TFRecordDataset", "MURA lake, every byte checked"
UNCHECKED = {"FFCV, raw", "Hugging Face datasets"}
"""These hand out memory maps and check nothing. Here a view at 224 px costs 5 us of copying by the
kernel, 2 of CRC-32C, 2 of Python and 5 of hand-over to TensorFlow, on one core, for no stretch of
these is long enough without the interpreter's lock for two threads to share it; a map would save
some of the copy, and kill the process where a file is cut short. So they are told, not outrun."""
WAYS = {
    PNG: "keras_directory",
    RECORDS: "tfrecord_dataset",
    OURS: "mura_lake",
    "NumPy memmap": "numpy_memmap",
}
SCRIPTS = Path(__file__).parent / "peers/streaming"

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize(("size", "times_png"), [(224, 40), (320, 20), (512, 10)])
def test_stream_speed(tmp_path: Path, size: int, times_png: float) -> None:
    source = tmp_path / "source"
    _write_source(source, size)
    commands = {way: [sys.executable, str(SCRIPTS / f"{name}.py")] for way, name in WAYS.items()}
    skipped: dict[str, str] = {}
    for name, peer in STREAMING_PEERS.items():
        try:
            commands[name] = peer.command()
        except PeerMissingError as reason:
            skipped[name] = str(reason)
    with ExitStack() as stack:
        streams = {
            way: stack.enter_context(Stream(command, source, tmp_path / f"out-{number}"))
            for number, (way, command) in enumerate(commands.items())
        }
        measured = stream_speeds(streams, NUM_VIEWS)
    publish_speeds(f"stream-{size}", measured, PNG, skipped)
    best = {way: speed.best for way, speed in measured.items()}
    bars = {PNG: times_png, RECORDS: 3.0}
    bars |= dict.fromkeys(best.keys() & STREAMING_PEERS.keys() - UNCHECKED, 1.0)
    missed = {
        way: f"{best[OURS] / best[way]:.2f} times, expected {bar} or more"
        for way, bar in bars.items()
        if best[OURS] < bar * best[way]
    }
    assert not missed


def _write_source(source: Path, size: int) -> None:
    """Lay the same images out as `peers/streaming/rounds.py` says."""
    tree = phantom_tree(NUM_VIEWS)
    done = run("mura-ingest", tree, f"lake={source / 'lake'}", f"size={size}")
    assert done.returncode == 0, done.stderr
    lake = open_lake(source / "lake")
    with ViewReader(lake, lake.manifest) as reader:
        np.save(source / "pixels.npy", reader.read(np.arange(len(reader)))[..., 0])
    np.save(source / "labels.npy", lake.manifest["label"].to_numpy())
    for index, (view_id, label) in enumerate(lake.manifest.select("view_id", "label").iter_rows()):
        link = source / f"by_label/{label}/{index}.png"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(tree / view_id)
