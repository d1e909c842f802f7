"""The model card of a run as HTML for the page."""

import re

from markdown_it import MarkdownIt

from trainer.runs.run_folder import CARD_FILE
from trainer.runs.saved.saved_run import SavedRun

_NO_CARD = "This run has no model card. See the results in its `report.html`."


def render_card(saved_run: SavedRun) -> str:
    """Return a run's model card as HTML, below the page's own heading.

    HTML and images in the card are left out, because the run folder may be untrusted.
    """
    try:
        card = (saved_run.folder / CARD_FILE).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        card = _NO_CARD
    markdown = MarkdownIt("js-default", {"html": False}).disable("image")
    tokens = markdown.parse(re.sub("^#", "##", card, flags=re.MULTILINE))
    for token in tokens:
        # the content security policy forbids inline styles, also for column alignment
        if "style" in token.attrs:
            token.attrs = {"class": "number"} if "right" in str(token.attrs["style"]) else {}
    return markdown.renderer.render(tokens, markdown.options, {})
