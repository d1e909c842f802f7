"""The report card: the model card of a run, as a part of the page."""

import re

from trainer.report.model_card import CARD_FILE
from trainer.runs.saved_run import SavedRun

_NO_CARD = (
    "This run is older than model cards. Its `report.html` tells how good it is, and at what."
)


def read_card(kept: SavedRun) -> str:
    """Return a run's model card as Markdown, below the page's own heading."""
    try:
        card = (kept.folder / CARD_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return _NO_CARD
    return re.sub("^#", "##", card, flags=re.MULTILINE)
