"""Any path at all: no exception, and a view only where an independent reading agrees."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sources.folders import FoldersLayout
from ingest.sources.mura import MuraLayout
from tests.ingest.sources.paths import PATIENT, PIECES, check, mutants

LAYOUTS = (MuraLayout(), FoldersLayout(), FoldersLayout(patient=PATIENT))

_arbitrary = st.text(st.characters(exclude_categories=(), exclude_characters="\0"))
_pieced = st.lists(st.sampled_from(PIECES) | _arbitrary, min_size=1, max_size=7).map("/".join)


@settings(max_examples=400, deadline=None, database=None, derandomize=True)
@given(_arbitrary | _pieced)
def test_any_path(path: str) -> None:
    check(path, *LAYOUTS)


def _check_mutants(num: int) -> int:
    return sum(check(path, *LAYOUTS) for path in mutants(0, num))


def test_mutants_of_views() -> None:
    assert _check_mutants(3_000) > 600


@pytest.mark.benchmark
def test_a_million_mutants_of_views() -> None:
    num_views = _check_mutants(1_000_000)
    print(f"{num_views:,} views among the readings of 1,000,000 paths")
    assert num_views > 200_000
