"""The model card: intended use, training, results and limitations of a model."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from shared.labels import BODY_PARTS, MURA_PARTS
from trainer.evaluation.metrics import ByPart, Measures
from trainer.evaluation.scored_table import LEVELS
from trainer.models.table import MODELS
from trainer.options import CvOptions, TrainOptions, TuneOptions
from trainer.report import formatting, limits, methods, search_report, summary
from trainer.report.template import render
from trainer.runs.saved_run import SavedRun

CARD_FILE = "model_card.md"

_TEMPLATE = Path(__file__).with_name("model_card.md.j2")
_KEYS = ("auroc", "accuracy", "majority", "kappa", "recall", "specificity", "precision", "f1")
_COLUMNS = (
    "Part",
    "By",
    "Abnormal",
    "Threshold",
    "AUROC",
    *("Recall (sensitivity)" if key == "recall" else key.capitalize() for key in _KEYS[1:]),
)


def make_card(run: SavedRun, has_pictures: bool) -> str:
    """Return a run's model card as Markdown (Mitchell et al. 2019, arXiv:1810.03993, figure 2).

    Args:
        run: the run of the model.
        has_pictures: whether its folder contains radiographs.
    """
    role, by_part = run.headline
    present = set(run.scored["body_part"])
    trained = limits.trained_parts(run)
    return render(
        _TEMPLATE,
        run=run,
        has_pictures=has_pictures,
        title=formatting.part_name([part for part in BODY_PARTS if part in present]),
        role=role,
        measures=by_part["all"],
        trained=trained,
        unseen=[part for part in MURA_PARTS if part not in trained],
        origin=_describe_origin(run),
        training=_describe_training(run),
        image=", ".join(f"{key} {value}" for key, value in run.config["lake"]["image"].items()),
        fitting=methods.on_fitting(run),
        on_candidates=methods.on_candidates(run) if run.is_cv else "",
        on_search=search_report.on_search(run) if run.search else "",
        command=_repeat(run.config["command"], run.config["options"]),
        search_command=_repeat("tune", run.search["options"]) if run.search else "",
        split=_describe_split(run),
        on_patients=methods.on_patients(run.scored),
        on_intervals=methods.on_intervals(by_part, run.metrics["bootstrap"]["num_resamples"]),
        on_decision=methods.on_decision(run.decision, run.main_sets),
        sentences=summary.headline(by_part["all"]),
        columns=_COLUMNS,
        results={
            formatting.ROLE_NAMES[name]: list(_list_rows(of_set))
            for name, of_set in run.main_sets.items()
        },
        limits=list(limits.find(run)),
    )


def _describe_origin(run: SavedRun) -> str:
    """Describe the initial weights."""
    weights = run.config["options"]["weights"]
    entry = MODELS.get(run.model.partition(" ")[0])
    if entry is None or not entry.pretrained_for(weights):
        return "from random weights"
    if weights == "pretrained":
        return "from weights trained on ImageNet"
    return f"from the weights in `{weights}`"


def _describe_training(run: SavedRun) -> str:
    """Describe the trained layers."""
    if run.config["options"]["train"] == "staged":
        return (
            "First the head on a frozen backbone, then all layers at a tenth of the learning rate."
        )
    # a classifier head is trained on embeddings, so its history has no image times
    if run.history.height and run.history["train_s"].is_null().all():
        return "Only the head; the backbone is frozen."
    return "All layers."


def _describe_split(run: SavedRun) -> str:
    """Describe the split."""
    test = "The test is the official valid split." if "test" in run.by_role else "There is no test."
    drawn: list[str] = []
    if run.is_cv:
        drawn.append(f"the {len(run.metrics['folds'][run.model])} folds of train")
    if not run.is_ensemble:
        drawn.append("validation, a fifth of train's groups,")
    names = " and ".join(drawn)
    return (
        f"{test} {names[0].upper()}{names[1:]} {'were' if run.is_cv else 'was'} drawn by patient "
        "group, stratified by label and body part, with seed "
        f"{run.config['options']['seed']}."
    )


def _repeat(command: str, options: Mapping[str, Any]) -> str:
    """Return the command that repeats the run."""
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
            facts = [part, formatting.count(number, unit), share]
            yield [*facts, *_at_half(measures, level)]
            if measures[f"{level}_at_threshold"]["threshold"] != 0.5:
                yield [*facts, *_at_threshold(measures, level)]


def _at_half(measures: Measures, level: str) -> Iterator[str]:
    yield formatting.number(0.5)
    for key in _KEYS:
        if key == "majority":
            yield formatting.number(measures[f"{level}_majority_accuracy"])
        else:
            yield formatting.estimate(measures, level, key)


def _at_threshold(measures: Measures, level: str) -> Iterator[str]:
    learnt = measures[f"{level}_at_threshold"]
    yield formatting.number(learnt["threshold"])
    for key in _KEYS:
        if key == "auroc":
            yield formatting.estimate(measures, level, key)
        elif key == "majority":
            yield formatting.number(measures[f"{level}_majority_accuracy"])
        else:
            yield formatting.with_interval(learnt[key], learnt["intervals"][key])
