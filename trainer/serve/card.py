"""The report card: what a model was trained on, how well it does, and where its limits are."""

from collections.abc import Iterator

import polars as pl

from trainer.kept import Kept
from trainer.metrics import Measures
from trainer.report import notes
from trainer.report.run import Run
from trainer.report.words import ROLE_NAMES, count, estimate, headline, percent

_CARD_FILE = "model_card.md"
_MEASURES = {
    "AUROC": "auroc",
    "Accuracy": "accuracy",
    "Recall": "recall",
    "Specificity": "specificity",
    "Cohen's kappa": "kappa",
}
_LIMITS = (
    "It tells only what its training labels told: normal or abnormal of a whole study, not what "
    "is wrong, nor where.",
    "It knows the body parts and the kind of images above; it answers to any other image, too, "
    "and such an answer means nothing.",
    "It sees a small grey copy of each view, and no history, no other studies.",
    "Intervals are of patients like those it was measured on; other scanners and other patients "
    "may differ by more.",
)


def read_card(kept: Kept) -> str:
    """Return the card as Markdown: the run's own, or one made from its measures."""
    own = kept.folder / _CARD_FILE
    if own.is_file():
        return own.read_text(encoding="utf-8")
    return "\n".join(_write_card(kept))


def _write_card(kept: Kept) -> Iterator[str]:
    run = Run(kept.config, pl.DataFrame(), kept.scored, kept.decision, kept.metrics)
    role, by_part = run.headline
    measures = by_part["all"]
    lake = kept.config["lake"]
    yield f"**{run.model}**, {kept.image.size} pixels, lake `{lake['digest']}`. "
    yield "Research use, not a diagnosis.\n"
    yield "### Data\n"
    yield from _list_sets(kept)
    yield f"\n{notes.on_patients(kept.scored)}\n"
    yield f"### Measures\n\n{ROLE_NAMES[role]}. {' '.join(headline(measures))}\n"
    yield from _list_measures(measures)
    num_resamples = kept.metrics["bootstrap"]["num_resamples"]
    yield f"\n{notes.on_intervals(by_part, num_resamples)} {notes.on_decision(kept.decision, role)}"
    yield "\n### Limits\n"
    yield from (f"- {limit}" for limit in _LIMITS)


def _list_sets(kept: Kept) -> Iterator[str]:
    yield "| Set | Views | Studies | Patients | Abnormal views |"
    yield "| --- | --: | --: | --: | --: |"
    for found in kept.config["sets"]:
        share = found["num_abnormal_views"] / max(1, found["num_views"])
        numbers = (f"{found[f'num_{unit}']:,}" for unit in ("views", "studies", "patients"))
        name = found["name"].replace("_", " ")
        yield f"| {name} | {' | '.join(numbers)} | {percent(share)} |"


def _list_measures(measures: Measures) -> Iterator[str]:
    units = (count(measures[f"num_{unit}"], unit) for unit in ("views", "studies"))
    yield f"| At 0.5 | {' | '.join(units)} |"
    yield "| --- | --: | --: |"
    for name, key in _MEASURES.items():
        yield f"| {name} | {estimate(measures, 'view', key)} | {estimate(measures, 'study', key)} |"
