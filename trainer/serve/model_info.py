"""Descriptions of the model: facts of the API, and the model card of the page."""

import re
from dataclasses import asdict
from typing import Any

from markdown_it import MarkdownIt

from trainer.evaluation.scored_table import LEVELS
from trainer.report.text.formatting import part_name
from trainer.runs.run_folder import CARD_FILE
from trainer.runs.saved.saved_run import SavedRun

_KEYS = ("auroc", "accuracy", "recall", "specificity")
_NO_CARD = "This run has no model card. See the results in its `report.html`."


def describe_model(saved_run: SavedRun) -> dict[str, Any]:
    """Return the model's name, body parts, image spec, thresholds and results; no paths."""
    rules = {level: saved_run.decision.rule(level) for level in LEVELS}
    return {
        "run": saved_run.folder.name,
        "model": saved_run.decision.model,
        "body_parts": saved_run.body_parts,
        "image": saved_run.image.to_json(),
        "decision": {
            level: {**asdict(rule), "calibrated_threshold": rule.calibrated_threshold}
            for level, rule in rules.items()
        },
        "metrics": _describe_metrics(saved_run),
        "lake_digest": saved_run.config["lake"]["digest"],
        "code_digest": saved_run.config["code"]["digest"],
    }


def _describe_metrics(saved_run: SavedRun) -> dict[str, Any]:
    role, by_part = saved_run.headline
    measures = by_part["all"]
    counts = {f"num_{unit}": measures[f"num_{unit}"] for unit in LEVELS.values()}
    levels = {level: {key: measures[f"{level}_{key}"] for key in _KEYS} for level in LEVELS}
    return {"set": role, **counts, **levels}


def describe_card(saved_run: SavedRun) -> dict[str, str]:
    """Return the name of the run, and heading and model card of the page, the card as HTML."""
    return {
        "run": saved_run.folder.name,
        "title": f"{part_name(saved_run.body_parts)}: normal or abnormal?",
        "card": _render_card(saved_run),
    }


def _render_card(saved_run: SavedRun) -> str:
    try:
        card = (saved_run.folder / CARD_FILE).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        card = _NO_CARD
    # without HTML and images, because the run folder may be untrusted
    markdown = MarkdownIt("js-default", {"html": False}).disable("image")
    # the page has its own heading of the first level
    tokens = markdown.parse(re.sub("^#", "##", card, flags=re.MULTILINE))
    for token in tokens:
        # the content security policy forbids inline styles, also for column alignment
        if "style" in token.attrs:
            token.attrs = {"class": "number"} if "right" in str(token.attrs["style"]) else {}
    return markdown.renderer.render(tokens, markdown.options, {})
