"""The model card of a run as HTML for the page."""

import re

from markdown_it import MarkdownIt

from trainer.report.model_card import CARD_FILE
from trainer.runs.saved_run import SavedRun

_NO_CARD = "This run has no model card. Its `report.html` holds its results."


def render_card(kept: SavedRun) -> str:
    """Return a run's model card as HTML, with headings one level lower.

    HTML and pictures in the card are not rendered, because a run folder may be untrusted.
    """
    try:
        card = (kept.folder / CARD_FILE).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        card = _NO_CARD
    markdown = MarkdownIt("js-default", {"html": False}).disable("image")
    tokens = markdown.parse(re.sub("^#", "##", card, flags=re.MULTILINE))
    for token in tokens:
        # alignment of a column as a class: the page's policy forbids inline styles
        if "style" in token.attrs:
            token.attrs = {"class": "number"} if "right" in str(token.attrs["style"]) else {}
    return markdown.renderer.render(tokens, markdown.options, {})
