"""Sampler: which settings come next, given all that were tried before."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared.errors import TrainingError

if TYPE_CHECKING:
    from trainer.tuning.space import Space
    from trainer.tuning.trials import Settings, Trial


def optuna_version() -> str:
    """Return the version of Optuna.

    Raises:
        TrainingError: it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise TrainingError(
            "Expected the optional package optuna: pip install 'mura-lake[tune]'. Received: none"
        ) from None
    return optuna.__version__


def propose(space: "Space", trials: Sequence["Trial"], seed: int) -> "Settings":
    """Return settings worth a trial: at random at first, then by what came of the others.

    Tree-structured Parzen estimator (Bergstra et al. 2011,
    https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization, section 4) as
    Optuna has it: random for its first 10 trials. What it draws depends on the seed and on the
    trials alone, so that a search which was killed goes on as it would have.

    Args:
        space: by name of a setting, its distribution.
        trials: all so far, in their order.
        seed: of the search.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    own_seed = int(np.random.SeedSequence([seed, len(trials)]).generate_state(1)[0])
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=own_seed)
    )
    study.add_trials(
        [
            optuna.trial.create_trial(
                # where a fit failed is a place to keep away from
                value=trial.score or 0.0,
                params=trial.settings,
                distributions=space,
            )
            for trial in trials
        ]
    )
    return study.ask(space).params
