"""The tune command: trial after trial, the best of them kept as a training."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shared.console import note, say
from shared.errors import TrainingError
from shared.lake import Lake
from trainer.fitted import Fitted, predict
from trainer.metrics import measure_auroc, to_arrays
from trainer.options import TuneOptions
from trainer.provenance import Phases
from trainer.report.words import count, number
from trainer.run_folder import CHECKPOINTS, name_fit
from trainer.search.sampler import optuna_version, propose
from trainer.search.space import describe, make_space, round_settings, usual_settings
from trainer.search.trials import Settings, Trial, choose, keep_trials, read_trials, write_trials
from trainer.split import FitPlan
from trainer.train import keep_fitted
from trainer.tune import make_fit


def search(options: TuneOptions, lake: Lake, plan: FitPlan, folder: Path, phases: Phases) -> None:
    """Try settings, keep the best, score it once; write results and report into `folder`.

    A search that was killed goes on with the trial, and the epoch, in which it was, and ends as it
    would have.

    Args:
        options: which settings, how often, and all others.
        lake: where the views' pixels are.
        plan: of every trial; its test is scored with the best alone.
        folder: the run's.
        phases: of the run so far.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
        TrainingError: no trial could be fitted.
        WriteError: a trial cannot be kept.
    """
    tried = _Search(options, lake, plan, folder, phases)
    best = tried.run()
    fitted = tried.fit(best.number, best.settings)
    write_trials(folder, tried.trials)
    chosen = options.settle(best.settings)
    keep_fitted(fitted, chosen, lake, plan, folder, phases, tried.describe(best))


class _Search:
    """The trials of one search."""

    def __init__(
        self, options: TuneOptions, lake: Lake, plan: FitPlan, folder: Path, phases: Phases
    ):
        self._options, self._lake, self._plan = options, lake, plan
        self._folder, self._phases = folder, phases
        self._space = make_space(options, plan.train.height)
        self._trials = read_trials(folder / CHECKPOINTS)

    @property
    def trials(self) -> list[Trial]:
        """All trials so far, in their order."""
        return self._trials

    def run(self) -> Trial:
        """Try what was not tried yet; return the best.

        Raises:
            TrainingError: no trial could be fitted.
        """
        # views are embedded at once, if at all, and not on the account of a trial
        make_fit(self._lake, self._options.model, self._options, *self._place)
        with self._phases.measure("search"):
            while len(self._trials) < self._options.trials:
                trial = self._try(len(self._trials) + 1)
                self._trials.append(trial)
                keep_trials(self._folder / CHECKPOINTS, self._trials)
                self._drop_beaten(trial)
        best = choose(self._trials)
        if best is None:
            raise TrainingError(
                f"Expected a trial that can be fitted. Received: trials={self._options.trials}, "
                "of which every one failed"
            )
        say(
            f"chosen of {count(len(self._trials), 'trials')}, by validation view AUROC: "
            f"{_name(best.settings)}"
        )
        return best

    def fit(self, trial_number: int, settings: Settings) -> Fitted:
        """Fit with these settings; a fit that has ended is found as it was."""
        options = self._options.settle(settings)
        fit = make_fit(self._lake, options.model, options, *self._place)
        # of a head, whose fit is over at once, the line of the trial tells enough
        title = "" if options.way(options.model) == "head" else _title(trial_number)
        (fitted,) = fit(self._plan, [options.candidate], title)
        return fitted

    def describe(self, best: Trial) -> dict[str, Any]:
        """Return what `config.json` says of the search."""
        return {
            "num_trials": len(self._trials),
            "num_failed": sum(trial.score is None for trial in self._trials),
            "by": "validation view AUROC",
            "chosen": best.number,
            "score": best.score,
            "settings": describe(self._space),
            "options": asdict(self._options),
            "optuna": optuna_version(),
        }

    @property
    def _place(self) -> tuple[FitPlan, Path, Phases]:
        return self._plan, self._folder, self._phases

    def _try(self, trial_number: int) -> Trial:
        settings = usual_settings(self._options)
        if self._trials:
            settings = propose(self._space, self._trials, self._options.seed)
        settings = round_settings(settings)
        started_s, score = time.monotonic(), None
        try:
            score = self._judge(self.fit(trial_number, settings))
        except TrainingError as error:
            note(f"{_title(trial_number)} failed: {error}")
        trial = Trial(trial_number, settings, score, time.monotonic() - started_s)
        best = choose([*self._trials, trial])
        so_far = f"{number(best.score)} of trial {best.number}" if best else "none"
        note(
            f"{_title(trial_number)} of {self._options.trials}, {_name(settings)}: "
            f"AUROC {number(score)}, best so far {so_far}"
        )
        return trial

    def _judge(self, fitted: Fitted) -> float | None:
        # the plan has validation views of both labels, or there would be none
        answers = predict([fitted], self._plan.validation)
        views = self._plan.validation.select("view_id", "label")
        return measure_auroc(*to_arrays(answers.join(views, on="view_id")))

    def _drop_beaten(self, last: Trial) -> None:
        """Remove the weights of all trials but the best, which may take much room."""
        best = choose(self._trials)
        for path in (self._folder / CHECKPOINTS).glob("*.npz"):
            if best is None or path.stem != name_fit(_title(best.number)):
                path.unlink()


def _title(trial_number: int) -> str:
    return f"trial {trial_number}"


def _name(settings: Settings) -> str:
    """Return settings in words, e.g. `head hidden, decay 312`."""
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in settings.items()
    )
