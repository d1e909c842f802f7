"""What a search tries next depends on its seed and its trials alone, and leads to better ones."""

from collections.abc import Sequence
from math import log10
from pathlib import Path
from statistics import mean

import pytest

from shared.errors import UsageError
from trainer.options import TrainOptions, TuneOptions
from trainer.tuning.sampler import propose
from trainer.tuning.space import default_settings, make_space, round_settings
from trainer.tuning.trials import Settings, Trial, best_trial, read_trials, save_trials

HEADS = TuneOptions(part="wrist").complete_search(())


def _run(options: TuneOptions, seed: int, trials: Sequence[Trial], num_trials: int) -> list[Trial]:
    """Go on with a search whose best is a decay of 50 on 4 rows a view."""
    tried, space = list(trials), make_space(options, 100)
    while len(tried) < num_trials:
        settings = propose(space, tried, seed) if tried else default_settings(options)
        settings = round_settings(settings)
        tried.append(Trial(len(tried) + 1, settings, _score(settings), 1.0))
    return tried


def _score(settings: Settings) -> float | None:
    if settings["weight_decay"] > 5000:
        return None  # as if such fits failed
    return 0.9 - 0.1 * abs(log10(settings["weight_decay"] / 50)) - 0.1 * (settings["copies"] < 4)


def test_joined_backbones_start_from_the_defaults_of_a_head() -> None:
    options = TuneOptions(model="efficientnet_lite0+efficientnet_lite1").complete_search(())
    assert default_settings(options) == default_settings(HEADS)


def test_a_search_that_was_killed_goes_on_as_it_would_have(tmp_path: Path) -> None:
    whole = _run(HEADS, 0, [], 16)
    save_trials(tmp_path, whole[:11])
    assert read_trials(tmp_path) == whole[:11]
    assert _run(HEADS, 0, read_trials(tmp_path), 16) == whole
    assert _run(HEADS, 4, [], 16) != whole
    assert any(trial.score is None for trial in whole)
    assert read_trials(tmp_path / "none") == []


def test_damaged_trials_are_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_trials(tmp_path, _run(HEADS, 0, [], 3))
    (path,) = tmp_path.iterdir()
    damaged = bytearray(path.read_bytes())
    damaged[-100] ^= 1
    path.write_bytes(damaged)
    assert read_trials(tmp_path) == []
    assert f"{path} is damaged or in the wrong place" in capsys.readouterr().err


def test_later_trials_are_better_than_those_at_random() -> None:
    gains: list[float] = []
    for seed in range(8):
        trials = _run(HEADS, seed, [], 20)
        scores = [trial.score or 0.0 for trial in trials]
        gains.append(mean(scores[10:]) - mean(scores[:10]))
        best = best_trial(trials)
        assert best
        assert best.settings["copies"] == 4
        assert 25 < best.settings["weight_decay"] < 100
    assert mean(gains) > 0.1


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (TuneOptions(), ["weight_decay", "copies", "class_weight"]),
        (
            TuneOptions(model="cnn2"),
            ["learning_rate", "dropout", "batch_size", "augment", "class_weight"],
        ),
        (
            TuneOptions(train="staged"),
            ["learning_rate", "dropout", "batch_size", "augment", "class_weight"],
        ),
        (TuneOptions(model="cnn2", search="dropout, learning_rate"), ["dropout", "learning_rate"]),
    ],
)
def test_usual_settings_come_first_and_every_setting_is_one_of_train(
    options: TuneOptions, names: list[str]
) -> None:
    options = options.complete_search(())
    usual, space = default_settings(options), make_space(options, 40)
    assert list(usual) == list(space) == names
    trials = [Trial(1, round_settings(usual), 0.5, 1.0)]
    for seed in range(20):
        settings = round_settings(propose(space, trials, seed))
        fit = options.with_settings(settings)
        assert type(fit) is TrainOptions
        assert {name: getattr(fit, name) for name in names} == settings
        assert fit.batch_size <= 40


def test_what_is_given_is_not_searched() -> None:
    options = TuneOptions(copies=2, class_weight="label").complete_search(
        {"copies", "class_weight", "part"}
    )
    assert options.searched == ["weight_decay"]
    assert options.with_settings({"weight_decay": 3.0}) == TrainOptions(
        copies=2, class_weight="label", weight_decay=3.0
    )
    with pytest.raises(UsageError, match="at least one setting"):
        TuneOptions().complete_search({"copies", "weight_decay", "class_weight"})
    with pytest.raises(
        UsageError, match=r"either fixed or searched.*search=weight_decay weight_decay=3"
    ):
        TuneOptions(search="weight_decay", weight_decay=3).complete_search({"weight_decay"})


def test_labels_of_parts_are_searched_only_where_there_are_several() -> None:
    for part, num in (("all", 3), ("wrist", 2)):
        space = make_space(TuneOptions(part=part, search="class_weight"), 100)  # pyright: ignore[reportArgumentType]  # both are parts
        found = {propose(space, [], seed)["class_weight"] for seed in range(30)}
        assert len(found) == num
