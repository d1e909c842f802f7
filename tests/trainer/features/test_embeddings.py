"""Embeddings are computed once a view, kept, and computed again where the file is spoilt."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs
import polars as pl
import pytest

from trainer.features.embeddings import embed


class Backbone:
    """Counts what it is asked for; the embedding of a view says which view it is."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, views: pl.DataFrame) -> npt.NDArray[np.float32]:
        self.asked += views["view_id"].to_list()
        return np.array([[int(name), 0.1] for name in views["view_id"]], np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return platformdirs.user_cache_path("mura-lake") / "embeddings"


def views(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"view_id": [str(number) for number in numbers]})


def test_only_views_that_are_not_kept_are_computed(folder: Path) -> None:
    backbone = Backbone()
    assert embed(views(3, 1), "key", backbone)[:, 0].tolist() == [3, 1]
    again = embed(views(1, 2, 3), "key", backbone)
    assert again[:, 0].tolist() == [1, 2, 3]
    assert again.dtype == np.float32
    assert backbone.asked == ["3", "1", "2"]
    embed(views(1), "another key", backbone)
    assert backbone.asked == ["3", "1", "2", "1"]


def test_a_spoilt_file_is_computed_again(folder: Path) -> None:
    backbone = Backbone()
    embed(views(1, 2), "key", backbone)
    (path,) = folder.glob("*/*.sealed")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert embed(views(2, 1), "key", backbone)[:, 0].tolist() == [2, 1]
    assert backbone.asked == ["1", "2", "2", "1"]


def test_a_file_of_another_key_is_not_taken(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backbone = Backbone()
    embed(views(1), "key", backbone)
    (path,) = folder.glob("*/*.sealed")
    embed(views(1), "another key", lambda missing: backbone(missing) + 1)
    (other,) = set(folder.glob("*/*.sealed")) - {path}
    path.replace(other.with_name(path.name))
    other.unlink()
    assert embed(views(1), "another key", lambda _: np.array([[5, 6]], np.float32))[0, 0] == 5
    assert "in the wrong place" in capsys.readouterr().err
    assert embed(views(1), "another key", backbone)[0, 0] == 5


def test_what_was_computed_before_a_failure_is_kept(folder: Path) -> None:
    backbone = Backbone()

    def fail_late(missing: pl.DataFrame) -> npt.NDArray[np.float32]:
        if backbone.asked:
            raise KeyboardInterrupt
        return backbone(missing)

    many = views(*range(5000))
    with pytest.raises(KeyboardInterrupt):
        embed(many, "key", fail_late)
    num_kept = len(backbone.asked)
    assert 0 < num_kept < 5000
    assert embed(many, "key", backbone)[:, 0].tolist() == list(range(5000))
    assert len(backbone.asked) == 5000


def test_a_cache_that_cannot_be_written_is_said_once_a_chunk(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"a file where a folder should be")
    assert embed(views(4), "key", Backbone())[:, 0].tolist() == [4]
    assert "will be computed again" in capsys.readouterr().err
