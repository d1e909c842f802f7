"""Trees with names, links and permissions that nobody expects, by the real command."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from shared.lake.open import open_lake
from tests.commands import call, run
from tests.conftest import SIZE_PX
from tests.ingest.processes import contents, ingest, is_root, one_line_of, run_through

pytestmark = pytest.mark.slow

NO_UTF8 = os.fsdecode(b"caf\xe9")


def without_privilege() -> list[str]:
    """Return the prefix under which permissions bind root too."""
    if not is_root():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("permissions do not bind root, and there is no setpriv to make them")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_that_are_not_utf8_are_counted(
    own_tree: Path, tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    tree = tmp_path / NO_UTF8 / "MURA-v1.1"
    shutil.copytree(own_tree, tree)
    view = next((tree / "train").rglob("*.png"))
    for place in (
        view.with_name(f"image1{NO_UTF8}.png"),
        view.parent.parent / f"study9{NO_UTF8}_positive" / "image1.png",
        tree / "train" / f"XR_{NO_UTF8}" / "patient00001" / "study1_positive" / "image1.png",
        tree / NO_UTF8,
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(view, place)
    root = tmp_path / f"lake{NO_UTF8}"
    result = run("mura-ingest", tree, f"lake={root}", f"size={SIZE_PX}", "workers=1")
    assert result.returncode == 0, result.stderr
    lake = open_lake(root)
    # one of the four has no ending of an image
    assert lake.rejects["reason"].to_list() == ["name_not_utf8"] * 3
    assert any("image1caf\\xe9.png" in path for path in lake.rejects["path"])
    assert "scan: 1 ignored: names that are not UTF-8" in result.stderr
    assert "lakecaf\\xe9" in result.stdout
    assert "shards up to date" in ingest(tree, root).stderr
    assert ingest(own_tree, tmp_path / "plain").returncode == 0
    assert lake.manifest.equals(open_lake(tmp_path / "plain").manifest)


def test_no_name_commands_the_terminal(tmp_path: Path) -> None:
    tree, odd = tmp_path / "tree", "\x1b]0;owned\x07\r\u202e"
    grey = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    for place in ("train/normal", "train/abnormal", "valid/normal", "valid/abnormal"):
        (tree / place).mkdir(parents=True)
        cv2.imwrite(str(tree / place / "good.png"), grey)
        (tree / place / f"bad{odd}.png").write_bytes(b"no image")
        (tree / place / f"{odd}.txt").touch()
    words = (f"lake={tmp_path / odd}", "size=64", "layout=folders", "workers=1")
    result = call("mura-ingest", tree, *words)
    assert result.returncode == 0, result.stderr
    assert r"bad\x1b]0;owned\x07\r\u202e.png" in result.stdout
    limited = call("mura-ingest", tree, *words[1:], f"lake={tmp_path / 'other'}", "max_rejects=0")
    assert limited.returncode == 1
    verified = call("mura-verify", f"lake={tmp_path / odd}")
    assert verified.returncode == 0, verified.stderr
    for said in (result, limited, verified):
        assert (said.stdout + said.stderr).replace("\n", "").isprintable()


def test_links_lead_out_of_the_tree_but_not_in_circles(own_tree: Path, tmp_path: Path) -> None:
    assert ingest(own_tree, tmp_path / "plain").returncode == 0
    part = own_tree / "train" / "XR_HUMERUS"
    shutil.move(part, tmp_path / "elsewhere")
    part.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    view = next(part.rglob("*.png"))
    shutil.move(view, tmp_path / "one.png")
    view.symlink_to(tmp_path / "one.png")
    view.with_name("image98.png").symlink_to("image98.png")
    view.with_name("image99.png").symlink_to("nowhere.png")
    (own_tree / "train" / "self").symlink_to("self")
    (own_tree / "valid" / "circle").symlink_to(own_tree, target_is_directory=True)
    result = ingest(own_tree, tmp_path / "linked")
    assert result.returncode == 0, result.stderr
    linked = open_lake(tmp_path / "linked")
    assert linked.rejects["reason"].to_list() == ["broken_link"] * 2
    assert linked.manifest.equals(open_lake(tmp_path / "plain").manifest)


@pytest.mark.parametrize("mode", [0o000, 0o400], ids=["unreadable", "not searchable"])
def test_a_folder_that_cannot_be_searched_loses_no_view(
    own_tree: Path, tmp_path: Path, mode: int
) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    before = contents(root)
    study = next((own_tree / "train").rglob("*.png")).parent
    study.chmod(mode)
    result = run_through(without_privilege(), "mura-ingest", own_tree, f"lake={root}", "size=64")
    study.chmod(0o755)
    assert result.returncode == 1
    assert "Expected to read every folder" in one_line_of(result.stderr)
    assert f"Received: {study}, Permission denied" in result.stderr
    assert contents(root) == before


def test_a_file_that_cannot_be_read_is_rejected_until_it_can(
    own_tree: Path, tmp_path: Path
) -> None:
    root = tmp_path / "lake"
    view = next((own_tree / "train").rglob("*.png"))
    view.chmod(0o000)
    result = run_through(without_privilege(), "mura-ingest", own_tree, f"lake={root}", "size=64")
    view.chmod(0o644)
    assert result.returncode == 0, result.stderr
    assert "1 rejected" in result.stdout
    assert open_lake(root).rejects["reason"].to_list() == ["unreadable"]
    assert ingest(own_tree, root).returncode == 0
    assert open_lake(root).rejects.is_empty()
