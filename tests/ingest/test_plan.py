"""The plan is a function of the table: one view more or less changes few shards."""

import polars as pl

from ingest.groups import group_patients
from ingest.plan import SHARD_LIMIT_BYTES, ShardPlan, plan_shards
from shared.image_spec import ImageSpec
from shared.manifest import PARTITION_COLUMNS

IMAGE = ImageSpec(320)
LIMIT = SHARD_LIMIT_BYTES // IMAGE.num_bytes


def _views(num_views: int) -> pl.DataFrame:
    return pl.DataFrame({"index": range(num_views)}).select(
        view_id=pl.format("train/XR_HAND/patient{}/study1_positive/image1.png", "index"),
        split=pl.when(pl.col("index") % 11 == 0).then(pl.lit("valid")).otherwise(pl.lit("train")),
        body_part=pl.lit("hand"),
        label=pl.col("index") % 2,
    )


def _contents(plans: list[ShardPlan]) -> set[tuple[str, ...]]:
    return {tuple(plan.views["view_id"]) for plan in plans}


def test_every_view_is_in_one_shard_of_its_partition() -> None:
    views = _views(9_000)
    plans = plan_shards(views, IMAGE)
    assert pl.concat([plan.views for plan in plans]).sort("view_id").equals(views.sort("view_id"))
    for plan in plans:
        assert plan.views.select(PARTITION_COLUMNS).n_unique() == 1
        assert 0 < plan.views.height <= LIMIT
        assert plan.views["view_id"].is_sorted()
    sizes = [plan.views.height for plan in plans]
    assert sizes == sorted(sizes, reverse=True)


def test_the_order_of_rows_does_not_matter() -> None:
    views = _views(5_000)
    shuffled = views.sample(fraction=1, shuffle=True, seed=1)
    plans, again = plan_shards(views, IMAGE), plan_shards(shuffled, IMAGE)
    assert [(p.folder, p.views["view_id"].to_list()) for p in plans] == [
        (p.folder, p.views["view_id"].to_list()) for p in again
    ]


def test_one_view_more_or_less_changes_few_shards() -> None:
    views = _views(9_000)
    before = _contents(plan_shards(views, IMAGE))
    for index in range(0, 9_000, 450):
        fewer = pl.concat([views[:index], views[index + 1 :]])
        after = _contents(plan_shards(fewer, IMAGE))
        assert len(before - after) <= 2
        assert len(after - before) <= 2


def test_patients_tied_by_an_image_are_one_group() -> None:
    views = pl.DataFrame(
        {
            "patient_id": [7, 7, 3, 5, 5, 9, 2],
            "pixel_digest": ["a", "b", "b", "c", "d", "d", "e"],
        }
    )
    grouped = group_patients(views)
    assert grouped["group"].to_list() == [3, 3, 3, 5, 5, 5, 2]
    assert grouped.drop("group").equals(views)
