"""Sentences of a comparison of runs."""

from collections.abc import Sequence

from shared.counts import count
from trainer.evaluation.bootstrap import MIN_GROUPS, Interval
from trainer.evaluation.comparing.paired import METRICS, Difference, Model
from trainer.report.text.formatting import number
from trainer.report.text.methods import on_overlap
from trainer.runs.evaluation_folder import SavedPredictions

# level and metric of the conclusion, by which `cv` chooses its candidate, too
_PRIMARY = ("view", "auroc")
_LEVEL_OF_SIGNIFICANCE = 0.05
# numbers have three decimals
_SMALLEST = 0.001


def describe_p_value(value: float | None) -> str:
    """Format a p value, e.g. `0.034` or `< 0.001`; a dash if it is undefined."""
    return f"< {_SMALLEST}" if value is not None and value < _SMALLEST else number(value)


def fine_interval(bounds: Interval | None) -> str:
    """Format the interval of a difference to three decimals; empty without an interval."""
    return f"[{number(bounds.low)}, {number(bounds.high)}]" if bounds else ""


def describe_views(models: Sequence[Model], saved: Sequence[SavedPredictions], role: str) -> str:
    """Count the common views, studies and patients, and the views that only some runs have."""
    rows = models[0].scored
    common = (
        f"{count(rows.height, 'views')} of {count(rows['study_id'].n_unique(), 'studies')} and "
        f"{count(rows['group'].n_unique(), 'patients')} are in all runs"
    )
    left_out = [each.scored.filter(role=role).height - rows.height for each in saved]
    if not any(left_out):
        return common
    parts = [f"{num:,} of {model.name}" for model, num in zip(models, left_out, strict=True) if num]
    return f"{common}; other views are left out: {', '.join(parts)}"


def list_warnings(models: Sequence[Model], saved: Sequence[SavedPredictions]) -> list[str]:
    """Return a warning for each evaluation on views or patients that its run learnt from."""
    return [
        f"{model.name}: {warning}"
        for model, each in zip(models, saved, strict=True)
        if each.overlap and (warning := on_overlap(each.overlap))
    ]


def conclude(models: Sequence[Model], differences: Sequence[Difference]) -> str:
    """Say in one sentence whether the runs differ in view AUROC by more than chance."""
    level, metric = _PRIMARY
    name = f"{level} {METRICS[metric]}"
    pairs = [d for d in differences if (d.level, d.metric) == _PRIMARY]
    if pairs[0].difference is None:
        return f"The {name} is undefined: all views have the same label."
    if pairs[0].p_value is None:
        patients = count(models[0].scored["group"].n_unique(), "patients")
        return f"{patients} are too few to compare runs; at least {MIN_GROUPS} are needed."
    if len(models) == 2:
        return _conclude_pair(pairs[0], name)
    different = [f"{d.first} and {d.second}" for d in pairs if _is_different(d)]
    if not different:
        return (
            f"No difference in {name} between {len(models)} runs can be told from chance (Holm's "
            f"correction for {len(pairs)} pairs)."
        )
    return (
        f"After Holm's correction for {len(pairs)} pairs, these differ in {name} by more than "
        f"chance explains: {'; '.join(different)}."
    )


def _is_different(found: Difference) -> bool:
    return found.corrected is not None and found.corrected < _LEVEL_OF_SIGNIFICANCE


def _conclude_pair(found: Difference, name: str) -> str:
    bounds = found.bounds
    if found.difference == 0 and bounds and bounds.low == bounds.high == 0:
        return f"{found.first} and {found.second} have the same {name} in all resamples."
    if not _is_different(found):
        return (
            f"The difference in {name} between {found.first} and {found.second}, "
            f"{_show(found, 1)}, cannot be told from chance."
        )
    sign = 1 if (found.difference or 0) > 0 else -1
    better, worse = (found.first, found.second)[::sign]
    return (
        f"{better} has a higher {name} than {worse}; chance alone does not explain the difference "
        f"of {_show(found, sign)}."
    )


def _show(found: Difference, sign: int) -> str:
    span = ""
    if found.bounds:
        low, high = sorted((sign * found.bounds.low, sign * found.bounds.high))
        span = f"95 % CI {number(low)} to {number(high)}, "
    p_value = describe_p_value(found.p_value)
    equals = "" if p_value.startswith("<") else "= "
    return f"{number(sign * (found.difference or 0))} ({span}p {equals}{p_value})"
