"""Summary sentences of the page: counts, majority class, patients."""

import polars as pl

from shared.counts import count
from shared.labels import LABEL_NAMES
from trainer.eda.counts import UNITS, count_patients_in_both_splits, present_splits
from trainer.report.text.formatting import percent

# of the columns of `trainer.eda.counts.count_patients`
PATIENT_NAMES = {
    "several_views": "with several views",
    "several_studies": "with several studies",
    "several_parts": "with several body parts",
    "both_labels": "with both labels",
    "both_labels_of_a_part": "with both labels of one body part",
    "shared_images": "sharing an image with another patient",
}


def headline(manifest: pl.DataFrame) -> list[str]:
    """Summarize each split: counts and the accuracy of the majority class."""
    return [_on_split(manifest, split) for split in present_splits(manifest)]


def _on_split(manifest: pl.DataFrame, split: str) -> str:
    views = manifest.filter(split=split)
    amounts = views.select(**UNITS).row(0, named=True)
    amounts_of = [count(amounts[unit], unit) for unit in UNITS]
    abnormal = views["label"].to_numpy().mean()
    label = LABEL_NAMES[int(abnormal > 0.5)]
    return (
        f"{split.capitalize()}: {', '.join(amounts_of)}. {percent(abnormal)} of the views are "
        f"abnormal; always predicting “{label}” has an accuracy of "
        f"{percent(max(abnormal, 1 - abnormal))}."
    )


def on_patients(manifest: pl.DataFrame) -> list[str]:
    """Warn of patients on both sides of a split."""
    if manifest["patient_id"].n_unique() == manifest.height:
        return [
            "Each view counts as a patient of its own, because this lake has no patient ids. "
            "Views of the same patient may be on both sides of a split."
        ]
    num_both = count_patients_in_both_splits(manifest)
    if num_both:
        return [
            f"{count(num_both, 'patients')} {'has' if num_both == 1 else 'have'} views in train "
            "and in valid; training excludes their train views."
        ]
    if len(present_splits(manifest)) == 2:
        return ["No patient has views in both splits."]
    return []
