"""Hyperparameter search: run trials, then save and score the model of the best one."""

import time
from dataclasses import asdict, replace
from typing import Any

from shared.console import note, say
from shared.counts import count
from shared.errors import TrainingError
from trainer.commands.train import save_trained
from trainer.data.split import FitPlan
from trainer.evaluation.metrics import measure_auroc
from trainer.evaluation.scored_table import to_arrays
from trainer.inference.trained_model import TrainedModel, predict
from trainer.options import TuneOptions
from trainer.report.text.formatting import number
from trainer.runs.context import RunContext
from trainer.runs.run_folder import CHECKPOINTS, name_fit
from trainer.runs.setup import RunSetup
from trainer.training.recipe import make_fit
from trainer.tuning.sampler import optuna_version, propose
from trainer.tuning.space import default_settings, describe, make_space, round_settings
from trainer.tuning.trials import (
    Settings,
    Trial,
    best_trial,
    read_trials,
    save_trials,
    write_trials,
)


def tune(setup: RunSetup[TuneOptions]) -> None:
    """Run the trials, save the best model, score it once, and write results and report.

    An interrupted search resumes at the last finished epoch of the current trial, with the same
    results.

    Raises:
        TrainingError: every trial failed.
    """
    context, plan, _ = setup
    runner = _TrialRunner(context, plan)
    best = runner.run()
    trained = runner.fit(best.number, best.settings)
    write_trials(context.folder, runner.trials)
    best_context = replace(context, options=context.options.with_settings(best.settings))
    fit = make_fit(best_context, best_context.options.model, plan)
    save_trained([trained], fit, best_context, plan, {"search": runner.describe(best)})


class _TrialRunner:
    """The trials of one search."""

    def __init__(self, context: RunContext[TuneOptions], plan: FitPlan):
        self._context, self._options, self._plan = context, context.options, plan
        self._folder = context.folder
        self._space = make_space(context.options, plan.train.height)
        self.trials = read_trials(context.folder / CHECKPOINTS)

    def run(self) -> Trial:
        """Run the trials that a previous process left, and return the best of all."""
        # compute embeddings before the first trial, so that its duration does not include them
        make_fit(self._context, self._options.model, self._plan)
        with self._context.timings.measure("search"):
            while len(self.trials) < self._options.trials:
                trial = self._run_trial(len(self.trials) + 1)
                self.trials.append(trial)
                save_trials(self._folder / CHECKPOINTS, self.trials)
                self._delete_other_checkpoints(trial)
        best = best_trial(self.trials)
        if best is None:
            raise TrainingError(
                "Expected at least one successful trial. "
                f"Received: {self._options.trials} failed trials"
            )
        say(
            f"best of {count(len(self.trials), 'trials')}, by validation view AUROC: "
            f"{_name(best.settings)}"
        )
        return best

    def fit(self, trial_number: int, settings: Settings) -> TrainedModel:
        """Fit with these settings; a finished fit is read from its checkpoint."""
        options = self._options.with_settings(settings)
        context = replace(self._context, options=options)
        fit = make_fit(context, options.model, self._plan)
        (trained,) = fit(self._plan, [options.candidate], _title(trial_number))
        return trained

    def describe(self, best: Trial) -> dict[str, Any]:
        """Return the `search` entry of `config.json`."""
        return {
            "num_trials": len(self.trials),
            "num_failed": sum(trial.score is None for trial in self.trials),
            "by": "validation view AUROC",
            "chosen": best.number,
            "score": best.score,
            "settings": describe(self._space),
            "options": asdict(self._options),
            "optuna": optuna_version(),
        }

    def _run_trial(self, trial_number: int) -> Trial:
        # the first trial has the default settings, so the best is never worse than they are
        settings = default_settings(self._options)
        if self.trials:
            settings = propose(self._space, self.trials, self._options.seed)
        settings = round_settings(settings)
        started_s, score = time.monotonic(), None
        try:
            score = self._score(self.fit(trial_number, settings))
        except TrainingError as error:
            note(f"{_title(trial_number)} failed: {error}")
        trial = Trial(trial_number, settings, score, time.monotonic() - started_s)
        best = best_trial([*self.trials, trial])
        so_far = f"{number(best.score)} of trial {best.number}" if best else "none"
        note(
            f"{_title(trial_number)} of {self._options.trials}, {_name(settings)}: "
            f"AUROC {number(score)}, best so far {so_far}"
        )
        return trial

    def _score(self, trained: TrainedModel) -> float | None:
        # AUROC needs both labels: the hold-out guarantees them in validation
        predictions = predict([trained], self._plan.validation)
        views = self._plan.validation.select("view_id", "label")
        return measure_auroc(*to_arrays(predictions.join(views, on="view_id")))

    def _delete_other_checkpoints(self, last: Trial) -> None:
        # to save disk space; that of the best trial is read again to save its model
        best = best_trial(self.trials)
        for path in (self._folder / CHECKPOINTS).glob("*.npz"):
            if best is None or path.stem != name_fit(_title(best.number)):
                path.unlink()


def _title(trial_number: int) -> str:
    return f"trial {trial_number}"


def _name(settings: Settings) -> str:
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in settings.items()
    )
