"""Evaluate a finished model on a labelled lake."""

import time
from dataclasses import asdict
from typing import Any

import polars as pl

from shared.console import note, say
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from trainer.data.dataset import with_cache
from trainer.data.evaluation_set import check_preparation, select_views
from trainer.data.target import abnormal_probability
from trainer.evaluation.results import evaluate_set
from trainer.evaluation.scored_table import score
from trainer.inference.predictor import infer, open_predictor
from trainer.inference.study_predictions import check_outputs
from trainer.options import EvaluateOptions
from trainer.report.evaluation_page import write_evaluation_report
from trainer.report.terminal import describe_measures
from trainer.report.text.methods import on_overlap
from trainer.runs.evaluation_folder import COMMAND, ROLE, Evaluation, open_output
from trainer.runs.provenance import count_views, describe_code, describe_lake, require_utf8
from trainer.runs.results_writer import write_json, write_scored
from trainer.runs.run_folder import CONFIG_FILE, METRICS_FILE, SUMS_FILE
from trainer.runs.saved.open import open_saved_run
from trainer.runs.saved.run_files import read_file, sha256, write_digests
from trainer.runs.saved.saved_run import SavedRun
from trainer.runs.saved.training_views import count_overlap


def evaluate(options: EvaluateOptions) -> None:
    """Predict the views of a lake, write the results into a folder and print a summary."""
    require_utf8(options)
    saved_run = open_saved_run(options.run)
    lake = open_lake(options.lake)
    check_preparation(saved_run.image, lake)
    views = select_views(lake, options)
    overlap = count_overlap(views, saved_run.training_views)
    if warning := on_overlap(overlap):
        note(f"warning: {warning}")
    with open_output(options.out, saved_run.folder.resolve().name) as (folder, path):
        started_s = time.monotonic()
        scored = _predict(saved_run, with_cache(lake, options, views), views, options)
        config = _describe(options, saved_run, lake, views, time.monotonic() - started_s)
        seed = saved_run.config["options"]["seed"]
        metrics = evaluate_set(scored, saved_run.decision, overlap, seed)
        evaluation = Evaluation(config, metrics, saved_run.decision, scored)
        write_json(folder / CONFIG_FILE, config)
        write_json(folder / METRICS_FILE, metrics)
        write_scored(folder, scored, saved_run.decision)
        write_evaluation_report(folder, evaluation)
        # last, because a folder with digests is finished
        write_digests(folder)
    say(describe_measures("evaluation", metrics["evaluation"]["all"]))
    say(f"report: {path / 'report.html'}")


def _predict(
    saved_run: SavedRun, lake: Lake, views: pl.DataFrame, options: EvaluateOptions
) -> pl.DataFrame:
    predictor = open_predictor(saved_run, options.engine, views.height)
    with ViewReader(lake, views) as reader:
        outputs = infer(predictor, reader, "predict")
    check_outputs(outputs, saved_run.folder)
    predictions = views.select("view_id").with_columns(
        probability=pl.Series(abnormal_probability(outputs)),
        model=pl.lit(saved_run.model),
        fold=pl.lit(None, pl.Int64),
        role=pl.lit(ROLE),
    )
    return score(predictions, lake.manifest)


def _describe(
    options: EvaluateOptions, saved_run: SavedRun, lake: Lake, views: pl.DataFrame, seconds: float
) -> dict[str, Any]:
    return {
        "command": COMMAND,
        "options": asdict(options),
        "run": {
            "path": str(saved_run.folder),
            "model": saved_run.model,
            "digest": sha256(read_file(saved_run.folder, SUMS_FILE)),
            "lake_digest": saved_run.config["lake"]["digest"],
            "trained_parts": saved_run.train_set["body_parts"],
        },
        "lake": describe_lake(lake),
        "sets": [{"name": "evaluation", **count_views(views)}],
        **describe_code(),
        "seconds": {"predict": round(seconds, 2)},
    }
