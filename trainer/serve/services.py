"""The services of the server, each with a thread of its own."""

from dataclasses import dataclass

from trainer.serve.heat_maps import HeatMaps
from trainer.serve.study import StudyPredictor
from trainer.serve.worker import Worker


@dataclass(frozen=True)
class Services:
    """Predictions and heat maps, so that predictions never wait for heat maps or TensorFlow."""

    predictor: StudyPredictor
    heat_maps: HeatMaps
    predicting: Worker
    explaining: Worker

    async def start(self) -> None:
        """Load the model, then start TensorFlow."""
        # one after the other, because TensorFlow slows down whatever runs beside its start
        await self.predicting.run(self.predictor.load)
        await self.explaining.run(self.heat_maps.load)
