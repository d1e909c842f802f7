"""Exploratory data analysis: write a report page about a lake."""

import polars as pl

from shared.console import note, say
from shared.counts import count
from shared.errors import LakeError, TrainingError
from shared.lake.open import Lake, open_lake
from shared.storage.atomic import write_atomically
from shared.storage.store import as_path
from trainer.eda.contact_sheet import choose_views, read_thumbnails
from trainer.eda.counts import balance
from trainer.eda.page import headline, make_page
from trainer.options import EdaOptions
from trainer.report.text.formatting import plain


def eda(options: EdaOptions) -> None:
    """Write the report page of a lake and print a summary."""
    lake = open_lake(options.lake)
    if lake.manifest.is_empty():
        raise LakeError(
            f"Expected a lake with views. Received: lake={lake.store} with "
            f"{count(lake.rejects.height, 'rejected files')} and no view"
        )
    folds, on_folds = _balance_folds(lake, options)
    views = choose_views(lake.manifest, options.seed)
    thumbnails = read_thumbnails(lake, views) if options.images == "on" else []
    out = as_path("out", options.out)
    write_atomically(out, make_page(lake, options, folds, on_folds, thumbnails).encode())
    for sentence in headline(lake.manifest):
        say(plain(sentence))
    say(f"report: {out}")


def _balance_folds(lake: Lake, options: EdaOptions) -> tuple[pl.DataFrame | None, str]:
    try:
        return balance(lake.manifest, options.k, options.seed), ""
    except TrainingError as error:
        note(f"the report has no example folds: {error}")
        return None, str(error)
