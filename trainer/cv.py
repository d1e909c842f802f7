"""Cross-validation: candidates on the same folds, the best refitted and scored once."""

from pathlib import Path

import polars as pl

from shared.console import say
from shared.lake import Lake
from trainer.metrics import choose, measure_by_part, score
from trainer.options import CvOptions
from trainer.outcome import write_tables
from trainer.provenance import Phases, describe_run
from trainer.report.page import write_report
from trainer.report.words import number
from trainer.run_folder import count_starts
from trainer.split import FitPlan
from trainer.train import fit_final, label_set
from trainer.tune import Fit, make_fit


def cross_validate(
    options: CvOptions,
    lake: Lake,
    plans: list[FitPlan],
    final_plan: FitPlan,
    folder: Path,
    phases: Phases,
) -> None:
    """Compare candidates, refit the best, score it once; write results and report into `folder`.

    Args:
        options: candidates and fit.
        lake: where the views' pixels are.
        plans: of the folds, the same for all candidates.
        final_plan: of the refit.
        folder: the run's.
        phases: of the run so far.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
        TrainingError: a loss is no longer a number.
    """
    fits = {
        name: make_fit(lake, name, options, final_plan, folder, phases)
        for name in options.candidates
    }
    with phases.measure("cross-validate"):
        tried = [_try(plans, name, fit) for name, fit in fits.items()]
    histories, predictions = [h for h, _ in tried], [p for _, p in tried]
    best = _choose(lake, predictions)
    final = fit_final(final_plan, best, fits[best], phases)
    final.model.save(folder / "model.keras")
    config = describe_run("cv", options, lake, final_plan, phases, count_starts(folder))
    scored = score(pl.concat([*predictions, final.predictions]), lake.manifest)
    write_tables(folder, config, pl.concat([*histories, final.history]), scored)
    write_report(folder)


def _try(plans: list[FitPlan], model_name: str, fit: Fit) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return history and out-of-fold predictions of one candidate on all folds."""
    histories: list[pl.DataFrame] = []
    predictions: list[pl.DataFrame] = []
    for index, plan in enumerate(plans):
        title = f"{model_name}, fold {index + 1} of {len(plans)}"
        fitted = fit(plan, title)
        histories.append(label_set(fitted.history, model_name, index))
        out_of_fold = fitted.predict(plan.test)
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
            f"{name}: out-of-fold view AUROC {number(result['view_auroc'])}, "
            f"study AUROC {number(result['study_auroc'])}, "
            f"study kappa {number(result['study_kappa'])}"
        )
    best = choose(measures)
    say(f"chosen: {best}")
    return best
