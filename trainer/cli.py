"""The entry points of the commands of trainer.

They import nothing but `shared.entry` before it handles signals, so that Ctrl-C is one line at any
time; all else is imported in `trainer.commands.dispatch`.
"""

from __future__ import annotations

from shared.entry import TYPE_CHECKING, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

_RESUMES = "run the same command again to resume after the last finished epoch"
_NO_PAGE = "no page was written"


def main() -> NoReturn:
    """Run `python -m trainer COMMAND`."""
    run(_dispatch, "trainer", _RESUMES)


def _dispatch(words: Sequence[str]) -> None:
    from trainer.commands.dispatch import dispatch

    dispatch(words)


def _entry_point(name: str, if_interrupted: str) -> Callable[[], NoReturn]:
    return lambda: run(lambda words: _dispatch([name, *words]), name, if_interrupted)


train = _entry_point("train", _RESUMES)
cv = _entry_point("cv", _RESUMES)
tune = _entry_point("tune", _RESUMES)
eda = _entry_point("eda", _NO_PAGE)
evaluate = _entry_point("evaluate", "no results were written")
compare = _entry_point("compare", _NO_PAGE)
audit = _entry_point("audit", _NO_PAGE)
predict = _entry_point("predict", "no predictions were printed; finished heat maps remain")
serve = _entry_point("serve", "the server has stopped")
export = _entry_point("export", "no export was written")
