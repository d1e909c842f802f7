"""Training notes of a report: initial weights, trained layers, epochs, split, candidates."""

from trainer.evaluation.scored_table import final_rows
from trainer.models.table import MODELS
from trainer.report.formatting import count
from trainer.runs.saved_run import SavedRun


def on_initial_weights(run: SavedRun) -> str:
    """Name the initial weights."""
    weights = run.config["options"]["weights"]
    entry = MODELS.get(run.model.partition(" ")[0])
    if entry is None or not entry.pretrained_for(weights):
        return "from random weights"
    if weights == "pretrained":
        return "from weights trained on ImageNet"
    return f"from the weights in `{weights}`"


def on_trained_layers(run: SavedRun) -> str:
    """Name the trained layers."""
    if run.config["options"]["train"] == "staged":
        return (
            "First the head on a frozen backbone, then all layers at a tenth of the learning rate."
        )
    # a classifier head is trained on embeddings, so its history has no image times
    if run.history.height and run.history["train_s"].is_null().all():
        return "Only the head; the backbone is frozen."
    return "All layers."


def on_split(run: SavedRun) -> str:
    """Describe test, folds and validation."""
    is_tested = "test" in run.by_role
    test = "The test set is the official valid split." if is_tested else "There is no test set."
    drawn: list[str] = []
    if run.is_cv:
        drawn.append(f"the {len(run.metrics['folds'][run.model])} folds of train")
    if not run.is_ensemble:
        drawn.append("validation, a fifth of train's groups,")
    names = " and ".join(drawn)
    return (
        f"{test} {names[0].upper()}{names[1:]} {'were' if run.is_cv else 'was'} drawn by patient "
        "group, stratified by label and body part, with seed "
        f"{run.config['options']['seed']}."
    )


def on_epochs(run: SavedRun) -> str:
    """Describe the training of the final model and its best epoch."""
    epochs = final_rows(run.history)
    best = epochs.filter("is_best")["epoch"]
    if best.is_empty():
        return ""
    # a classifier head is trained on embeddings, so it has no image rate
    rate = epochs.drop_nulls("train_s")["images_per_s"].median()
    speed = f", at a median of {rate:,.0f} images/s" if isinstance(rate, float) else ""
    return (
        f"Trained for {count(epochs.height, 'epochs')}{speed}; the saved weights are those of "
        f"epoch {best[0]}, with the lowest validation loss."
    )


def on_candidates(run: SavedRun) -> str:
    """Describe the candidates of a cross-validation, the choice and the final model."""
    num, is_tested = run.metrics["num_candidates"], "test" in run.by_role
    verb = "was" if num == 1 else "were"
    sentences = [
        f"{count(num, 'candidates')} {verb} compared on the same folds of the train split.",
        f"{run.model} was chosen by pooled out-of-fold view AUROC; the official valid split was "
        "not used for the choice.",
    ]
    num_folds = len(run.metrics["folds"][run.model])
    if run.is_ensemble:
        sentences.append(
            f"The final model is the ensemble of its {num_folds} fold models: the mean of their "
            "probabilities."
        )
    else:
        sentences.append(
            "It was then trained again on the train split, with a fifth of the patients held out "
            "for early stopping."
        )
    if is_tested:
        sentences.append("The final model was evaluated once on the test set.")
    return " ".join(sentences)
