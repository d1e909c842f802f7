"""Propose the settings of the next trial with Optuna."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared.errors import TrainingError

if TYPE_CHECKING:
    from trainer.tuning.space import Space
    from trainer.tuning.trials import Settings, Trial


def optuna_version() -> str:
    """Return the version of Optuna, or raise TrainingError if it is not installed."""
    try:
        import optuna
    except ImportError:
        raise TrainingError(
            "Expected the optional package optuna: pip install 'mura-lake[tune]'. "
            "Received: it is not installed"
        ) from None
    return optuna.__version__


def propose(space: "Space", trials: Sequence["Trial"], seed: int) -> "Settings":
    """Return settings for the next trial, which depend only on the seed and on earlier trials.

    The method is Optuna's tree-structured Parzen estimator (Bergstra et al. 2011,
    https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization, section 4), with
    10 random trials first.
    """
    import optuna

    # Optuna logs each new study to standard error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The sampler is created again for each trial, so that a resumed search equals an uninterrupted
    # one; so each needs its own seed.
    own_seed = int(np.random.SeedSequence([seed, len(trials)]).generate_state(1)[0])
    sampler = optuna.samplers.TPESampler(seed=own_seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in trials:
        # score a failed trial 0, so that the sampler avoids its settings
        score = trial.score or 0.0
        study.add_trial(
            optuna.trial.create_trial(value=score, params=trial.settings, distributions=space)
        )
    return study.ask(space).params
