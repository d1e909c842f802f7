"""A sealed file gives its content back, or nothing with a note: never anything else."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import WriteError
from shared.storage.sealed import open_sealed, read_sealed, sealed_file

CONTENT = bytes(range(256)) * 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with sealed_file(tmp_path / "kept", "key") as file:
        file.write(CONTENT)
    return tmp_path / "kept"


def test_the_content_comes_back_and_can_be_sought_in(path: Path) -> None:
    assert read_sealed(path, "key") == CONTENT
    with open_sealed(path, "key") as file:
        assert file
        assert file.read(4) == CONTENT[:4]
    assert read_sealed(path.with_name("missing"), "key") is None
    assert [each.name for each in path.parent.iterdir()] == ["kept"]


def test_no_damage_goes_unseen(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, rng = path.read_bytes(), random.Random(8)
    damaged = [bytearray(whole) for _ in whole]
    for place, data in enumerate(damaged):
        data[place] ^= 1 << rng.randrange(8)
    cut = [whole[:size] for size in range(0, len(whole), 5)]
    for data in (*damaged, *cut, whole + b"\n", whole[65:], bytes(len(whole))):
        path.write_bytes(data)
        assert read_sealed(path, "key") is None
        assert capsys.readouterr().err == (
            f"{path} is damaged or in the wrong place, and is computed again\n"
        )


def test_content_kept_under_another_key_is_not_taken(path: Path) -> None:
    assert read_sealed(path, "other") is None
    # digits of the key's length, or ends of the key, cannot pass for content
    with sealed_file(path, "ke") as file:
        file.write(b"y\n" + CONTENT)
    assert read_sealed(path, "key") is None


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None]
) -> None:
    make(tmp_path / "kept")
    assert read_sealed(tmp_path / "kept", "key") is None
    assert f"{tmp_path / 'kept'} cannot be read and is computed again" in capsys.readouterr().err


@pytest.mark.parametrize("durable", [True, False])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, *, durable: bool) -> None:
    (tmp_path / "kept").mkdir()
    with (
        pytest.raises(WriteError),
        sealed_file(tmp_path / "kept", "key", durable=durable) as file,
    ):
        file.write(CONTENT)
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
