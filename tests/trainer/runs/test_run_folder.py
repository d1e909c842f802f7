"""A run's folder: one process works on it, and only the same run goes on in it."""

from pathlib import Path

import numpy as np
import pytest

from shared.errors import TrainingError, UsageError
from trainer.runs.run_folder import (
    CHECKPOINTS,
    SUMS_FILE,
    count_starts,
    identify,
    open_run_folder,
)
from trainer.runs.saved.run_files import write_digests
from trainer.runs.unfinished import RUN_FILE
from trainer.training.checkpoint import Checkpoint, State
from trainer.tuning.trials import Trial, read_trials, save_trials


def _end(out: Path, key: str, error: BaseException | None = None, *, epochs: bool = True) -> None:
    """Work on a run until it ends, by an error if there is one."""
    with open_run_folder(str(out), "train", key) as folder:
        if epochs:
            Checkpoint(folder / CHECKPOINTS / "fit.npz").write(State([], [], []))
        if error:
            raise error


def test_a_finished_run_keeps_no_checkpoints_and_its_folder_is_never_taken_again(
    tmp_path: Path,
) -> None:
    _end(tmp_path / "run", "key")
    assert list((tmp_path / "run").iterdir()) == []
    with pytest.raises(UsageError, match=r"Expected a new folder.*which exists"):
        _end(tmp_path / "run", "key")


def test_only_the_same_run_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _end(tmp_path / "run", "key", KeyboardInterrupt())
    with pytest.raises(UsageError, match="which exists"):
        _end(tmp_path / "run", "another key")
    with open_run_folder(str(tmp_path / "run"), "train", "key") as folder:
        assert (folder / CHECKPOINTS / "fit.npz").is_file()
        assert count_starts(folder) == 2


def test_a_run_that_another_process_works_on_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_run_folder("", "train", "key") as first, open_run_folder("", "train", "key") as other:
        assert first != other
        with pytest.raises(UsageError):
            _end(first, "key")


def test_nothing_is_left_of_a_run_that_cannot_go_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _end(tmp_path / "run", "key", KeyboardInterrupt(), epochs=False)
    diverged = TrainingError("Expected a finite loss. Received: loss=nan")
    with pytest.raises(TrainingError):
        _end(tmp_path / "run", "key", diverged)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 10**5,
        b"null",
        b"{}",
        b"\xff",
        b'{"key": "key", "id": "1", "starts": null}',
        b'{"key": "key", "id": 1, "starts": 1}',
        b'{"key": ["key"], "id": "1", "starts": 1}',
    ],
)
def test_a_damaged_unfinished_run_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    unfinished = tmp_path / "runs" / "20260101-000000-train"
    with pytest.raises(KeyboardInterrupt):
        _end(unfinished, "key", KeyboardInterrupt())
    (unfinished / CHECKPOINTS / RUN_FILE).write_bytes(content)
    num_open = len(list(Path("/proc/self/fd").iterdir()))
    assert identify(unfinished) is None
    with open_run_folder("", "train", "key") as folder:
        assert folder.resolve() != unfinished
    with pytest.raises(UsageError, match="which exists"):
        _end(unfinished, "key")
    assert (unfinished / CHECKPOINTS / "fit.npz").is_file()
    assert len(list(Path("/proc/self/fd").iterdir())) == num_open


def test_checkpoints_that_are_a_link_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _end(tmp_path / "run", "key", KeyboardInterrupt())
    (tmp_path / "run" / CHECKPOINTS).rename(tmp_path / "elsewhere")
    (tmp_path / "run" / CHECKPOINTS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="which exists"):
        _end(tmp_path / "run", "key")
    assert (tmp_path / "elsewhere" / "fit.npz").is_file()


def test_a_run_that_goes_on_is_not_taken_for_a_finished_one(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _end(tmp_path / "run", "key", KeyboardInterrupt())
    write_digests(tmp_path / "run")
    with open_run_folder(str(tmp_path / "run"), "train", "key") as folder:
        assert not (folder / SUMS_FILE).exists()


def test_kept_trials_are_read_as_they_were_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_trials(tmp_path) == []
    trials = [Trial(1, {"dropout": 0.1}, 0.7, 2.0), Trial(2, {"dropout": 0.2}, None, 2.0)]
    save_trials(tmp_path, trials)
    assert read_trials(tmp_path) == trials
    assert capsys.readouterr().err == ""
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for place in range(0, len(whole), 61):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        file.write_bytes(damaged)
        assert read_trials(tmp_path) == []
        assert "trials.sealed is damaged" in capsys.readouterr().err


def test_a_checkpoint_gives_back_what_it_was_given_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    checkpoint = Checkpoint(path)
    assert checkpoint.read() is None
    arrays = [np.arange(index, dtype=np.float32) for index in range(12)]
    rows = [{"epoch": 1, "val_loss": 0.5}]
    checkpoint.write(State(rows, arrays[:2], arrays))
    state = checkpoint.read()
    assert state
    assert state.rows == rows
    assert [array.tolist() for array in state.current] == [array.tolist() for array in arrays]
    assert len(state.best) == 2
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole[:-400] + b"x" * 400):
        path.write_bytes(damaged)
        assert checkpoint.read() is None


def test_a_damaged_or_misplaced_checkpoint_begins_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = [np.arange(40, dtype=np.float32), np.ones(3, np.int64)]
    paths = [tmp_path / "fold-1.npz", tmp_path / "fold-2.npz"]
    for path in paths:
        Checkpoint(path).write(State([{"epoch": 1, "val_loss": 0.5}], arrays, arrays))
    path, other = paths
    whole = path.read_bytes()
    for place in range(0, len(whole), 11):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert Checkpoint(path).read() is None
        assert f"{path} is damaged or in the wrong place" in capsys.readouterr().err
    path.write_bytes(other.read_bytes())
    assert Checkpoint(path).read() is None
    path.write_bytes(whole)
    assert Checkpoint(path).read()
