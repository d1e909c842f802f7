"""Summary sentences of a report: comparison with chance and with the majority class."""

from shared.counts import count
from shared.labels import LABEL_NAMES
from trainer.evaluation.metrics import Measures
from trainer.report.text.formatting import number, percent

_FEW_STUDIES = 30


def majority_label(measures: Measures) -> str:
    """Return the more frequent label of the views."""
    num_abnormal = measures["num_abnormal_views"]
    return LABEL_NAMES[int(2 * num_abnormal > measures["num_views"])]


def headline(measures: Measures, origin: str = " held out from training") -> list[str]:
    """Summarize the metrics in sentences, compared with chance and with the majority class.

    `origin` follows the count of the evaluated views and studies.
    """
    evaluated = (
        f"{count(measures['num_views'], 'views')} of {count(measures['num_studies'], 'studies')}"
    )
    sentences = [_on_ranking(measures, evaluated, origin), _on_accuracy(measures)]
    bounds = measures["study_intervals"]["auroc"]
    if bounds and bounds["low"] <= 0.5 <= bounds["high"]:
        sentences.append(
            "The 95 % CI of the study AUROC includes 0.5, so this result could be chance."
        )
    if measures["num_studies"] < _FEW_STUDIES:
        sentences.append(
            f"With fewer than {_FEW_STUDIES} studies, all numbers below are rough estimates."
        )
    return sentences


def _on_ranking(measures: Measures, evaluated: str, origin: str) -> str:
    auroc = measures["view_auroc"]
    if auroc is None:
        return f"All {evaluated} have the same label, so the AUROC is undefined."
    return (
        f"On {evaluated}{origin}, the model ranked an abnormal view above a normal "
        f"one {percent(auroc)} of the time (view AUROC {number(auroc)}; chance is 0.5)."
    )


def _on_accuracy(measures: Measures) -> str:
    accuracy, majority = measures["view_accuracy"], measures["view_majority_accuracy"]
    label = majority_label(measures)
    comparison = (
        "" if accuracy > majority else ", so the model is no better than the majority class"
    )
    return (
        f"Its view accuracy is {percent(accuracy)}; always predicting “{label}” has an accuracy of "
        f"{percent(majority)}{comparison}."
    )
