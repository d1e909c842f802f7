"""Training notes of a report: initial weights, trained layers, epochs, split."""

from collections.abc import Mapping
from typing import Any

from shared.counts import count
from trainer.evaluation.scored_table import final_rows
from trainer.models.candidates import list_networks
from trainer.models.table import MODELS
from trainer.options.recipes import RECIPES
from trainer.report.text.formatting import enumerate_names
from trainer.runs.saved.saved_run import SavedRun

# by option, the value that leaves out a step, and the note on it
_STEPS = {
    "warmup": (0, "warm-up in the first {:.0%} of the steps"),
    "clip_norm": (0, "gradient norm at most {:g}"),
    "label_smoothing": (0, "label smoothing {:g}"),
    "layer_decay": (1, "layer decay {:g}"),
    "ema": (0, "weights averaged with momentum {:g}"),
    "augment": ("none", "{} augmentation"),
}
_CRITERIA = {
    "loss": "the lowest validation loss",
    "study_auroc": "the highest validation study AUROC",
}


def on_initial_weights(run: SavedRun) -> str:
    """Name the initial weights."""
    if start := run.config.get("start"):
        return (
            f"from the model `{start['model']}` of the run `{start['path']}` (digest "
            f"`{start['digest']}`), trained on {count(start['num_train_views'], 'views')} of the "
            f"{', '.join(start['body_parts'])} in the lake `{start['lake_digest']}`"
        )
    weights = run.config["options"]["weights"]
    entry = MODELS.get(list_networks(run.model.partition(" ")[0])[0])
    if entry is None or not entry.pretrained_for(weights):
        return "from random weights"
    if weights == "pretrained":
        return "from weights trained on ImageNet"
    return f"from the weights in `{weights}`"


def on_trained_layers(run: SavedRun) -> str:
    """Name the trained layers."""
    options = run.config["options"]
    # a head is fitted to embeddings, without epochs
    if not run.history.is_empty():
        seeds = run.config.get("seeds")
        # a staged fit evaluates its initial head as epoch 0
        if 0 in run.history["epoch"]:
            first = "First the head on a frozen backbone, then all layers at a tenth of the rate."
        else:
            first = "All layers."
        members = "The saved model predicts the mean probability of its members." if seeds else ""
        return f"{first} {_on_optimization(options)} {members}".rstrip()
    recipe = RECIPES[options["recipe"] or "frozen"]
    copies = options["copies"] or recipe.copies
    rows = "one row" if copies == 1 else f"{copies} rows of weight 1/{copies}"
    variants = ("the view", "its mirror image", f"{copies - 2} random light changes")[:copies]
    sentences = [
        "Only the head, a penalized logistic regression, until convergence; the backbone is "
        f"frozen. Each train view has {rows}: {enumerate_names(variants)}."
    ]
    if (options["tta"] or recipe.tta) == "flip":
        sentences.append("Predictions average a view and its mirror image.")
    if not run.is_cv:
        sentences.append(
            "Temperature and decision threshold were learnt with a head fitted without the "
            "validation views; the saved head was then fitted to train and validation views."
        )
    return " ".join(sentences)


def _on_optimization(options: Mapping[str, Any]) -> str:
    names = {"adam": "Adam", "adamw": "AdamW"}
    parts = [f"{names[options['optimizer']]}, {options['schedule']} learning rate"]
    parts += [
        text.format(options[key]) for key, (off, text) in _STEPS.items() if options[key] != off
    ]
    return f"{'; '.join(parts)}."


def on_epochs(run: SavedRun) -> str:
    """Describe the training of the final model and its best epoch."""
    epochs = final_rows(run.history)
    best = epochs.filter("is_best")["epoch"]
    if best.is_empty():
        return ""
    rate = epochs.drop_nulls("train_s")["images_per_s"].median()
    speed = f", at a median of {rate:,.0f} images/s" if isinstance(rate, float) else ""
    return (
        f"Trained for {count(epochs.height, 'epochs')}{speed}; the saved weights are those of "
        f"epoch {best[0]}, with {_CRITERIA[run.config['options']['keep']]}."
    )
