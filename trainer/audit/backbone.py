"""The frozen backbone of a cross-validation: its embedder and the weight decay of its head."""

from dataclasses import dataclass

import polars as pl

from shared.console import note
from shared.errors import UsageError, WeightsError
from shared.lake.open import Lake
from trainer.features.model_embedder import ModelEmbedder
from trainer.models.table import require_weights
from trainer.options import CvOptions
from trainer.runs.context import RunContext
from trainer.runs.saved.saved_run import SavedRun

# options that determine the candidates and their embeddings; runs of earlier versions may lack
# some of them, and have others of other types
_OPTIONS = (
    "models",
    "weight_decays",
    "weights",
    "start",
    "input_px",
    "train",
    "recipe",
    "deterministic",
)


@dataclass(frozen=True)
class Backbone:
    """The frozen backbone of the chosen head, and the weight decay of the head."""

    embedder: ModelEmbedder
    weight_decay: float


def find_backbone(run: SavedRun, lake: Lake, views: pl.DataFrame) -> Backbone | None:
    """Return the frozen backbone of a cross-validation.

    Returns:
        None if the whole network was trained, or its weights are not on this machine.
    """
    recorded = run.config["options"]
    own = {name: recorded[name] for name in _OPTIONS if name in recorded}
    try:
        # the lake may have moved since
        options = CvOptions(**own, lake=str(lake.store))
        chosen = next((each for each in options.candidates if each.name == run.model), None)
        if chosen is None or chosen.weight_decay is None:
            return None
        require_weights([chosen.model], options.initial_weights)
    # OSError: the run of start= may have been removed since
    except (OSError, TypeError, UsageError, WeightsError) as error:
        note(f"the audit uses no embeddings: {error}")
        return None
    embedder = ModelEmbedder(RunContext(options, lake, run.folder), chosen.model, views)
    return Backbone(embedder, chosen.weight_decay)
