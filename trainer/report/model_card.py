"""The model card: intended use, training, results and limitations of a model."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from shared.labels import MURA_PARTS
from trainer.evaluation.binary_metrics import RATES
from trainer.evaluation.metrics import ByPart, Measures
from trainer.evaluation.scored_table import LEVELS
from trainer.options import CvOptions, TrainOptions, TuneOptions
from trainer.report.template import render
from trainer.report.text import formatting, limits, methods, search_report, summary, training_notes
from trainer.runs.run_folder import REFERENCE_FILE
from trainer.runs.saved.saved_run import SavedRun

_TEMPLATE = Path(__file__).with_name("model_card.md.j2")
_KEYS = ("auroc", "accuracy", "majority", "kappa", "recall", "specificity", "precision", "f1")
_COLUMNS = (
    *("Part", "By", "Abnormal", "Threshold", "AUROC"),
    *("Recall (sensitivity)" if key == "recall" else key.capitalize() for key in _KEYS[1:]),
)


def make_card(run: SavedRun, has_pictures: bool) -> str:
    """Return a run's model card as Markdown (Mitchell et al. 2019, arXiv:1810.03993, figure 2)."""
    trained = run.train_set["body_parts"]
    return render(
        _TEMPLATE,
        **describe_run(run),
        has_pictures=has_pictures,
        parts=formatting.enumerate_names(trained),
        has_check=(run.folder / REFERENCE_FILE).exists(),
        unseen=[part for part in MURA_PARTS if part not in trained],
        origin=training_notes.on_initial_weights(run),
        training=training_notes.on_trained_layers(run),
        image=", ".join(f"{key} {value}" for key, value in run.config["lake"]["image"].items()),
        command=_repeat(run.config["command"], run.config["options"]),
        search_command=_repeat("tune", run.search["options"]) if run.search else "",
        split=training_notes.on_split(run),
        columns=_COLUMNS,
        results={
            formatting.ROLE_NAMES[name]: list(_list_rows(of_set))
            for name, of_set in run.main_sets.items()
        },
        limits=list(limits.find(run)),
    )


def describe_run(run: SavedRun) -> dict[str, Any]:
    """Return the values that the templates of the card and of the report share."""
    role, by_part = run.headline
    return {
        "run": run,
        "title": formatting.part_name(run.body_parts),
        "role": role,
        "measures": by_part["all"],
        "sentences": summary.headline(by_part["all"]),
        "on_patients": methods.on_patients(run.scored),
        "on_intervals": methods.on_intervals(by_part, run.metrics["bootstrap"]["num_resamples"]),
        "on_decision": methods.on_decision(run.decision, run.main_sets),
        "on_candidates": search_report.on_candidates(run) if run.is_cv else "",
        "on_search": search_report.on_search(run) if run.search else "",
        "epochs": training_notes.on_epochs(run),
    }


def _repeat(command: str, options: Mapping[str, Any]) -> str:
    kind = {"train": TrainOptions, "cv": CvOptions, "tune": TuneOptions}[command]
    # a run folder is never used twice, so the repeated command must not name it
    defaults = {field.name: field.default for field in fields(kind)} | {"out": options["out"]}
    given = [f"{k}={v}" for k, v in options.items() if v != defaults[k]]
    return shlex.join(["just", command, *given])


def _list_rows(by_part: ByPart) -> Iterator[list[str]]:
    """Yield the cells of each body part and level: at 0.5, then at the learnt threshold."""
    for part, measures in by_part.items():
        if part == "all" and len(by_part) == 2:
            continue  # identical to the only body part
        for level, unit in LEVELS.items():
            number = measures[f"num_{unit}"]
            share = formatting.percent(measures[f"num_abnormal_{unit}"] / number)
            for cells in _list_cells(measures, level):
                yield [part, formatting.count(number, unit), share, *cells]


def _list_cells(measures: Measures, level: str) -> Iterator[list[str]]:
    learnt = measures[f"{level}_at_threshold"]
    at_half = {key: measures[f"{level}_{key}"] for key in ("intervals", "auroc", *RATES)}
    tables = {0.5: at_half, learnt["threshold"]: {**at_half, **learnt}}
    for threshold, rates in tables.items():
        cells = {
            key: formatting.with_interval(rates[key], rates["intervals"][key])
            for key in ("auroc", *RATES)
        }
        cells["majority"] = formatting.number(measures[f"{level}_majority_accuracy"])
        yield [formatting.number(threshold), *(cells[key] for key in _KEYS)]
