"""The scored table: predictions joined to the manifest, and its sets and levels.

A set is the rows of one model, fold (null without folds) and role. The order of rows is arbitrary.
"""

from collections.abc import Iterator, Mapping

import polars as pl
import polars.selectors as cs

from shared.errors import TrainingError
from shared.labels import ALL_PARTS, PART_PATTERN
from shared.lake.manifest import PUBLISHED
from trainer.evaluation.binary_metrics import Floats, Ints

# one row per view of a set; a multi-class model adds `class_probabilities`, a list, and a lake with
# corrected labels `label_as_published`
SCORED_SCHEMA: Mapping[str, type[pl.DataType]] = {
    "view_id": pl.String,
    "model": pl.String,
    "fold": pl.Int64,
    "role": pl.String,
    "probability": pl.Float64,
    "study_id": pl.String,
    "body_part": pl.String,
    "label": pl.Int64,
    "group": pl.Int64,
}
SET_COLUMNS = ("model", "fold", "role")
TRUTH_COLUMNS = ("study_id", "body_part", "label", "group")
CLASS_PROBABILITIES = "class_probabilities"

# roles of predictions, the most independent of the final model first
ROLES = ("test", "out_of_fold", "validation")
LEVELS = {"view": "views", "study": "studies"}

# the smallest difference from 1 of a float32
_EPSILON = 2.0**-24


def score(predictions: pl.DataFrame, manifest: pl.DataFrame) -> pl.DataFrame:
    """Join predictions to the manifest; the rows keep their order.

    Args:
        predictions: `view_id`, `model`, `fold`, `role`, `probability`, and optionally
            `class_probabilities`.

    Raises:
        TrainingError: a view is missing in the manifest, or `check_scored` fails.
    """
    optional = cs.by_name(CLASS_PROBABILITIES, PUBLISHED, require_all=False)
    truth = manifest.select("view_id", *TRUTH_COLUMNS, optional)
    columns = ("view_id", *SET_COLUMNS, "probability")
    unknown = predictions.join(truth, on="view_id", how="anti").select(columns)
    _refuse(unknown, "predictions of views in the manifest")
    joined = predictions.join(truth, on="view_id", how="inner", maintain_order="left")
    scored = joined.select(*SCORED_SCHEMA, optional)
    scored = scored.cast({"fold": pl.Int64, "probability": pl.Float64})
    check_scored(scored)
    return scored


def check_scored(scored: pl.DataFrame) -> None:
    """Check the values of a scored table.

    Raises:
        TrainingError: a value is missing or out of range, a view occurs twice in a set, or rows of
            a view differ in study, body part, label or group.
    """
    is_out_of_fold = pl.col("role") == "out_of_fold"
    has_fold = pl.when(is_out_of_fold).then(pl.col("fold") >= 0).otherwise(pl.col("fold").is_null())
    rules = {
        # a diverged model outputs NaN, which polars orders above all numbers
        "probabilities from 0 to 1": pl.col("probability").is_between(0, 1),
        "one prediction for each view of a model, fold and role": ~pl.struct(
            "view_id", *SET_COLUMNS
        ).is_duplicated(),
        f"roles {', '.join(ROLES)}": pl.col("role").is_in(ROLES),
        "a fold for out-of-fold predictions only": has_fold,
        "labels 0 and 1": pl.col("label").is_in((0, 1)),
        "names of body parts": pl.col("body_part").str.contains(f"^{PART_PATTERN}$")
        & (pl.col("body_part") != ALL_PARTS),
        "one study, label and group for each view": pl.struct(TRUTH_COLUMNS)
        .n_unique()
        .over("view_id")
        == 1,
        "a value in each column": pl.all_horizontal(
            pl.col(name).is_not_null() for name in SCORED_SCHEMA if name != "fold"
        ),
    }
    if PUBLISHED in scored.columns:
        rules["published labels 0 and 1"] = pl.col(PUBLISHED).is_in((0, 1))
    for expected, is_valid in rules.items():
        _refuse(scored.filter(~is_valid.fill_null(False)).select(*SCORED_SCHEMA), expected)


def _refuse(invalid: pl.DataFrame, expected: str) -> None:
    if invalid.height:
        first = ", ".join(f"{key}={value}" for key, value in invalid.row(0, named=True).items())
        raise TrainingError(
            f"Expected {expected}. Received: {invalid.height:,} other predictions, the first with "
            f"{first}"
        )


def study_probability() -> pl.Expr:
    """Return the aggregation of the views' `probability` to that of their study."""
    # The sigmoid of the mean logit (Satopää et al. 2014, Int. J. Forecasting 30:344). On MURA's
    # elbows its study AUROC is .004 above that of the mean probability, by which MURA's authors
    # score a study (Rajpurkar et al. 2017, arXiv:1712.06957, section 3).
    # a probability of exactly 0 or 1 must not outweigh all other views
    odds = pl.col("probability").clip(_EPSILON, 1 - _EPSILON)
    return 1 / (1 + ((1 - odds).log() - odds.log()).mean().exp())


def by_study(scored: pl.DataFrame) -> pl.DataFrame:
    """Return one row per study of each set, with `num_views` and a `probability`, sorted."""
    keys = [*SET_COLUMNS, "study_id"]
    # the last bits of float sums depend on the order
    in_order = scored.sort([*keys, "view_id"])
    return in_order.group_by(keys, maintain_order=True).agg(
        pl.col("body_part", "label", "group").first(),
        pl.len().alias("num_views"),
        study_probability().alias("probability"),
    )


def levels(scored: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield `view` and `study`, each with its rows, sorted by id."""
    yield "view", scored.sort("view_id")
    yield "study", by_study(scored)


def to_arrays(rows: pl.DataFrame) -> tuple[Ints, Floats]:
    """Return the labels and the probabilities of rows."""
    return rows["label"].to_numpy(), rows["probability"].to_numpy()


def final_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Return the predictions, or the history, of models that were not trained for a fold."""
    return table.filter(pl.col("fold").is_null())


def most_independent_set(scored: pl.DataFrame, model: str) -> tuple[str, pl.DataFrame]:
    """Return the role and the rows of the set that is most independent of the final model."""
    sets = ((role, scored.filter(model=model, role=role)) for role in ROLES)
    return next((role, rows) for role, rows in sets if rows.height)
