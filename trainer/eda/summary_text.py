"""Sentences of the page that summarize a lake and its patients."""

import polars as pl

from shared.labels import LABEL_NAMES
from trainer.eda.counts import UNITS, count_patients_in_both_splits, present_splits
from trainer.report.formatting import count, percent

PATIENT_NAMES = {
    "several_views": "with several views",
    "several_studies": "with several studies",
    "several_parts": "with several body parts",
    "both_labels": "with both labels",
    "both_labels_of_a_part": "with both labels of one part",
    "shared_images": "sharing an image",
}
"""Names of the columns of `trainer.eda.counts.count_patients`."""


def headline(manifest: pl.DataFrame) -> list[str]:
    """Return the counts of each split, and the accuracy of always predicting its commoner label."""
    return [_on_split(manifest, split) for split in present_splits(manifest)]


def _on_split(manifest: pl.DataFrame, split: str) -> str:
    views = manifest.filter(split=split)
    amounts = views.select(**UNITS).row(0, named=True)
    views_of = [count(amounts[unit], unit) for unit in UNITS]
    abnormal = views["label"].to_numpy().mean()
    label = LABEL_NAMES[int(abnormal > 0.5)]
    return (
        f"{split.capitalize()} has {views_of[0]} of {views_of[1]} of {views_of[2]}; "
        f"{percent(abnormal)} of its views are abnormal, so always answering “{label}” is right "
        f"for {percent(max(abnormal, 1 - abnormal))}."
    )


def on_patients(manifest: pl.DataFrame) -> list[str]:
    """Return warnings and facts about patients that affect the splitting of views."""
    if manifest["patient_id"].n_unique() == manifest.height:
        return [
            "Each view is a patient of its own: this lake does not know which views belong "
            "together, so the same patient may be on both sides of a split."
        ]
    num_both = count_patients_in_both_splits(manifest)
    if num_both:
        return [
            f"{count(num_both, 'patients')} {'has' if num_both == 1 else 'have'} views in train "
            "and in valid; training leaves their train views out."
        ]
    if len(present_splits(manifest)) == 2:
        return ["No patient has views in both splits."]
    return []
