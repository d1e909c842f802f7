"""Cross-validation: candidates on the same folds, the best refitted and scored once."""

from pathlib import Path

import polars as pl

from shared.console import say
from shared.lake import Lake
from trainer.data import Data
from trainer.fit import fit, predict
from trainer.metrics import choose, measure_by_part, score
from trainer.options import CvOptions
from trainer.report.page import write_report
from trainer.run_folder import (
    Phases,
    describe_run,
    show,
    write_tables,
)
from trainer.split import Fold, draw_folds, hold_out
from trainer.train import fit_final, label_set


def cross_validate(options: CvOptions, data: Data, folder: Path) -> None:
    """Compare candidates, refit the best, score it once; write results and report into `folder`.

    Each fold's early stopping watches a fifth of that fold's train groups, never the views that
    are held out, so that out-of-fold predictions are of views that nothing was tuned on.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
        TrainingError: the part has too few patients.
    """
    phases = Phases()
    with phases.measure("split"):
        folds = list(draw_folds(data.train, options.k, options.seed))
    with phases.measure("cross-validate"):
        tried = [_try(data.lake, folds, name, options) for name in options.candidates]
    histories, predictions = [h for h, _ in tried], [p for _, p in tried]
    final = fit_final(data, _choose(data.lake, predictions), options, phases)
    final.model.save(folder / "model.keras")
    config = describe_run("cv", options, data.lake, final.sets, phases)
    scored = score(pl.concat([*predictions, final.predictions]), data.lake.manifest)
    write_tables(folder, config, pl.concat([*histories, final.history]), scored)
    write_report(folder)


def _try(
    lake: Lake, folds: list[Fold], model_name: str, options: CvOptions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return history and out-of-fold predictions of one candidate on all folds."""
    histories: list[pl.DataFrame] = []
    predictions: list[pl.DataFrame] = []
    for index, fold in enumerate(folds):
        title = f"{model_name}, fold {index + 1} of {len(folds)}"
        fitted = fit(lake, hold_out(fold.train, options.seed), model_name, options, title)
        histories.append(label_set(fitted.history, model_name, index))
        out_of_fold = predict(fitted.model, lake, fold.held_out)
        predictions.append(label_set(out_of_fold, model_name, index, role="out_of_fold"))
    return pl.concat(histories), pl.concat(predictions)


def _choose(lake: Lake, predictions: list[pl.DataFrame]) -> str:
    """Say each candidate's out-of-fold result and return the name of the best."""
    measures = {
        table["model"][0]: measure_by_part(score(table, lake.manifest)) for table in predictions
    }
    for name, by_part in measures.items():
        result = by_part["all"]
        say(
            f"{name}: out-of-fold view AUROC {show(result['view_auroc'])}, "
            f"study AUROC {show(result['study_auroc'])}, study kappa {show(result['study_kappa'])}"
        )
    best = choose(measures)
    say(f"chosen: {best}")
    return best
