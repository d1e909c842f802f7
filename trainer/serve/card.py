"""The model card of a run, as a part of the page."""

import re

from markdown_it import MarkdownIt

from trainer.kept import Kept
from trainer.report.card import CARD_FILE

_NO_CARD = "This run has no model card. Its `report.html` holds its results."


def render_card(kept: Kept) -> str:
    """Return a run's model card as HTML, below the page's own heading.

    HTML and pictures in the card are left out, for a run folder may come from someone else.
    """
    try:
        card = (kept.folder / CARD_FILE).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        card = _NO_CARD
    markdown = MarkdownIt("js-default", {"html": False}).disable("image")
    tokens = markdown.parse(re.sub("^#", "##", card, flags=re.MULTILINE))
    for token in tokens:
        # the alignment of a column; the policy of the page allows no inline style
        if "style" in token.attrs:
            token.attrs = {"class": "number"} if "right" in str(token.attrs["style"]) else {}
    return markdown.renderer.render(tokens, markdown.options, {})
