"""Opening of finished runs, and of runs that are being written."""

from functools import partial
from pathlib import Path

from shared.errors import TrainingError
from shared.images.spec import ImageSpec
from shared.storage.store import as_path
from trainer.evaluation.decisions.decision import DECISION_FILE, parse_decision
from trainer.evaluation.results import compute_metrics
from trainer.runs.run_folder import CONFIG_FILE, METRICS_FILE, PREDICTIONS_FILE, SUMS_FILE
from trainer.runs.saved.predictions import parse_predictions
from trainer.runs.saved.run_files import RunFiles, read_digests
from trainer.runs.saved.saved_run import SavedRun
from trainer.runs.saved.validation import num_outputs, parse_config, parse_metrics

_RUNS = Path("runs")


def open_saved_run(run: str) -> SavedRun:
    """Open a finished run by its folder, or without one the newest in `runs/`.

    Raises:
        TrainingError: no run is found, the run is not finished, or a file is damaged.
    """
    folder = as_path("run", run) if run else _find_newest()
    return _read(RunFiles(folder, read_digests(folder)))


def open_new_run(folder: Path) -> SavedRun:
    """Open a run whose metrics and digests are not written yet, and compute its metrics."""
    return _read(RunFiles(folder))


def _read(files: RunFiles) -> SavedRun:
    config = files.parse(CONFIG_FILE, parse_config)
    decision = files.parse(DECISION_FILE, parse_decision)
    scored = files.parse(
        PREDICTIONS_FILE,
        partial(parse_predictions, num_classes=num_outputs(config), decision=decision),
    )
    if files.digests is None:
        metrics = compute_metrics(config, scored, decision)
    else:
        check = partial(parse_metrics, decision=decision, command=config["command"], scored=scored)
        metrics = files.parse(METRICS_FILE, check)
    image = ImageSpec.from_json(config["lake"]["image"])
    return SavedRun(files, config, metrics, decision, image, scored)


def _find_newest() -> Path:
    sums = sorted(_RUNS.glob(f"*/{SUMS_FILE}"), key=lambda path: path.lstat().st_mtime)
    if not sums:
        raise TrainingError(
            "Expected a finished run in runs/, or run=FOLDER; `just train` makes one. "
            "Received: run= and no run in runs/"
        )
    return sums[-1].parent
