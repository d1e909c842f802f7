"""Properties common to all radiographs of a patient."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Patient:
    """Properties relative to the average patient (1.0), and the side of the body."""

    size: float
    girth: float
    cortex: float
    fat: float
    exposure: float
    density: float
    is_left: bool


def choose_patient(rng: np.random.Generator) -> Patient:
    """Choose the properties of a patient at random."""
    return Patient(
        size=rng.uniform(0.88, 1.1),
        girth=rng.uniform(0.88, 1.12),
        cortex=rng.uniform(0.7, 1.25),
        fat=rng.uniform(0.75, 1.35),
        exposure=rng.uniform(0.8, 1.25),
        density=rng.uniform(0.8, 1.2),
        is_left=bool(rng.random() < 0.5),
    )
