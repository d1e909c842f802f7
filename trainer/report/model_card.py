"""The model card: intended use, training, results and limitations of a model."""

import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from shared.labels import MURA_PARTS
from trainer.evaluation.bootstrap import MIN_GROUPS
from trainer.options import CvOptions, TrainOptions, TuneOptions
from trainer.report.template import render
from trainer.report.text import formatting, methods, search_report, summary, training_notes
from trainer.runs.run_folder import REFERENCE_FILE
from trainer.runs.saved.saved_run import SavedRun

_TEMPLATE = Path(__file__).with_name("model_card.md.j2")


def make_card(run: SavedRun, has_pictures: bool) -> str:
    """Return a run's model card as Markdown (Mitchell et al. 2019, arXiv:1810.03993, figure 2)."""
    trained, (_, by_part) = run.train_set["body_parts"], run.headline
    return render(
        _TEMPLATE,
        **describe_run(run),
        has_pictures=has_pictures,
        parts=formatting.enumerate_names(trained),
        has_check=(run.folder / REFERENCE_FILE).exists(),
        unseen=[part for part in MURA_PARTS if part not in trained],
        image=", ".join(f"{key} {value}" for key, value in run.config["lake"]["image"].items()),
        command=_repeat(run.config["command"], run.config["options"]),
        search_command=_repeat("tune", run.search["options"]) if run.search else "",
        on_missing_test="" if "test" in run.by_role else methods.on_missing_test(trained),
        min_groups=MIN_GROUPS,
        few=[n for n, m in by_part.items() if n != "all" and m["num_groups"] < MIN_GROUPS],
        missing=[part for part in trained if part not in by_part],
    )


def describe_run(run: SavedRun) -> dict[str, Any]:
    """Return the values that the templates of the card and of the report share."""
    role, by_part = run.headline
    return {
        "run": run,
        "role_names": formatting.ROLE_NAMES,
        "title": formatting.part_name(run.body_parts),
        "role": role,
        "measures": by_part["all"],
        "sentences": summary.headline(by_part["all"]),
        "on_patients": methods.on_patients(run.scored),
        "on_intervals": methods.on_intervals(by_part, run.metrics["bootstrap"]["num_resamples"]),
        "on_decision": methods.on_decision(run.decision, run.main_sets),
        "on_candidates": search_report.on_candidates(run) if run.is_cv else "",
        "on_search": search_report.on_search(run) if run.search else "",
        "origin": training_notes.on_initial_weights(run),
        "training": training_notes.on_trained_layers(run),
        "epochs": training_notes.on_epochs(run),
    }


def _repeat(command: str, options: Mapping[str, Any]) -> str:
    kind = {"train": TrainOptions, "cv": CvOptions, "tune": TuneOptions}[command]
    # a run folder is never used twice, so the repeated command must not name it
    defaults = {field.name: field.default for field in fields(kind)} | {"out": options["out"]}
    given = [f"{k}={v}" for k, v in options.items() if v != defaults[k]]
    return shlex.join(["just", command, *given])
