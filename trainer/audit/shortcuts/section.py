"""The section on shortcuts: image properties, hidden regions, markers and hardware."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trainer.audit.audited_run import AuditedRun
from trainer.audit.pixel_scan import ViewScan
from trainer.audit.shortcuts.hardware import score_hardware
from trainer.audit.shortcuts.hidden_regions import BONE, score_hidden
from trainer.audit.shortcuts.image_properties import list_properties, score_properties
from trainer.audit.shortcuts.marker_effect import MarkerEffect, measure_effect
from trainer.audit.shortcuts.shortcut_score import Score, measure_score
from trainer.features.variants import PLAIN
from trainer.inference.litert import LiteRtModel
from trainer.options import AuditOptions
from trainer.runs.hardware import count_threads


@dataclass(frozen=True)
class ShortcutSection:
    """The results on shortcuts.

    Attributes:
        hidden: scores with hidden regions; empty without them.
        on_hidden: the reason, if there are none.
        effect: the effect of markers; None if it is unknown.
        on_effect: the reason, if it is unknown.
    """

    model: Score
    properties: Sequence[Score]
    hidden: Sequence[Score]
    on_hidden: str
    num_with_markers: int
    effect: MarkerEffect | None
    on_effect: str
    hardware: Sequence[tuple[Score, int, float]]

    @property
    def hidden_alarms(self) -> list[Score]:
        """The scores without the bone that are alarms; with the bone, a score should be high."""
        return [score for score in self.hidden if score.name == BONE and score.is_alarm]

    @property
    def alarms(self) -> list[str]:
        """The sentences of alarms."""
        alarms = [
            f"Image properties ({score.name}) predict the label with a view AUROC of {score.text}."
            for score in self.properties
            if score.is_alarm
        ]
        alarms += [
            f"With {score.name} hidden, a head predicts the label with a view AUROC of "
            f"{score.text}."
            for score in self.hidden_alarms
        ]
        if self.effect and self.effect.is_alarm:
            alarms.append(
                f"Without their markers, {self.effect.by_markers} of {self.effect.num_views} "
                f"decisions change; without random patches, {self.effect.by_patches}."
            )
        return alarms

    def to_table(self) -> pl.DataFrame:
        """Return the content of `shortcuts.csv`."""
        tests = {
            "model": [self.model],
            "image property": self.properties,
            "hidden region": self.hidden,
            "hardware": [score for score, _, _ in self.hardware],
        }
        rows = [
            (test, s.name, s.auroc, s.bounds and s.bounds.low, s.bounds and s.bounds.high)
            for test, scores in tests.items()
            for s in scores
        ]
        return pl.DataFrame(rows, ("test", "name", "view_auroc", "low", "high"), orient="row")


def audit_shortcuts(
    audited: AuditedRun, scan: Sequence[ViewScan], options: AuditOptions
) -> ShortcutSection:
    """Test a run for shortcuts.

    Raises:
        CorruptLakeError: the record of a view is damaged.
    """
    views = audited.views
    is_own = views["role"] == "out_of_fold"
    own = views.filter(is_own)
    properties = score_properties(own, list_properties(views, scan).filter(is_own))
    on_hidden, hidden = _hide(audited, options)
    on_effect, effect = _paint(audited, scan, options)
    return ShortcutSection(
        measure_score("model", own),
        properties,
        hidden,
        on_hidden,
        sum(bool(each.markers) for each in scan),
        effect,
        on_effect,
        score_hardware(views, [each.metal_share for each in scan]),
    )


def _hide(audited: AuditedRun, options: AuditOptions) -> tuple[str, Sequence[Score]]:
    backbone = audited.backbone
    if backbone is None:
        return "The run has no frozen backbone to embed views with.", []
    if options.hide == "off":
        return "hide=on embeds the views again, with hidden regions.", []
    embedder = backbone.embedder
    if not embedder.converted:
        return "The backbone has no copy for LiteRT on this machine.", []
    views = _sample(audited.out_of_fold, options)
    model = LiteRtModel(embedder.converted, count_threads())
    plain = embedder.embed(views, PLAIN)
    return "", score_hidden(model, plain, audited.lake, views, backbone.weight_decay)


def _sample(views: pl.DataFrame, options: AuditOptions) -> pl.DataFrame:
    chosen = views.sample(min(options.sample, views.height), seed=options.seed)
    return views.join(chosen.select("view_id"), on="view_id", how="semi", maintain_order="left")


def _paint(
    audited: AuditedRun, scan: Sequence[ViewScan], options: AuditOptions
) -> tuple[str, MarkerEffect | None]:
    if not audited.run.has_litert:
        return "The run has no model for LiteRT.", None
    has_markers = pl.Series([bool(each.markers) for each in scan])
    marked = audited.views.with_row_index("row").filter(has_markers)
    if marked.is_empty():
        return "No view has markers.", None
    # the saved model was not trained on test views
    on_test = marked.filter(role="test")
    sample = _sample(marked if on_test.is_empty() else on_test, options)
    rows: list[int] = sample["row"].to_list()
    markers = [scan[row].markers for row in rows]
    threshold = audited.run.decision.view.threshold
    images = np.ascontiguousarray(audited.read(sample))
    return "", measure_effect(audited.predict, images, markers, threshold, options.seed)
