"""The page of a lake stands alone, has the numbers of the manifest, and can do without images."""

import re
import shutil
from pathlib import Path

import pytest

from shared.lake.open import Lake
from tests.commands import call, run
from trainer.commands.eda import eda
from trainer.options import EdaOptions

pytestmark = pytest.mark.slow


def _cells(page: str, section: str) -> str:
    body = page.split(f"<h2>{section}</h2>")[1].split("<h2>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", " ", body, flags=re.DOTALL))


@pytest.fixture(scope="module")
def page(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the lake, as the command writes it."""
    folder = tmp_path_factory.mktemp("eda")
    result = run("mura-eda", f"lake={lake.root}", folder=folder)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "report: eda.html"
    return (folder / "eda.html").read_text()


def test_the_page_stands_alone_and_counts_what_the_manifest_has(page: str, lake: Lake) -> None:
    loads = re.findall(r'(?:src|xlink:href|href)="([^"]*)"|url\(([^)]*)\)|@import', page)
    assert {(a or b).partition(":")[0][:1] for a, b in loads} <= {"#", "d"}
    assert "<script" not in page
    train = lake.manifest.filter(split="train")
    said = _cells(page, "Views, studies, patients")
    for part, views in train.partition_by("body_part", as_dict=True).items():
        share = f"{views['label'].to_numpy().mean():.0%}".replace("%", " %")
        numbers = (views.height, share, views["study_id"].n_unique())
        assert f"{part[0]} {' '.join(map(str, numbers))}" in said
    sheet = re.findall(r'<img src="data:image/jpeg;base64,[^"]+" alt="([^"]+)"', page)
    assert len(sheet) == len(set(sheet)) > 0
    assert set(sheet) <= set(lake.manifest["view_id"])


def test_without_images_nothing_else_changes(page: str, lake: Lake, tmp_path: Path) -> None:
    out = tmp_path / "off.html"
    eda(EdaOptions(lake=str(lake.root), images="off", out=str(out)))
    without = out.read_text()
    assert "data:" not in without
    sheet = re.compile(r'<section id="sheet">.*?</section>\n', re.DOTALL)
    assert sheet.sub("", page) == without


def test_a_lake_of_folders_without_valid_and_patients(phantom_tree: Path, tmp_path: Path) -> None:
    files = sorted((phantom_tree / "train" / "XR_HAND").rglob("*.png"))
    for index, file in enumerate(files[:6]):
        folder = tmp_path / "tree" / "train" / ("abnormal" if index % 2 else "normal")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / f"{index}.png")
    (tmp_path / "tree" / "train" / "normal" / "broken.png").write_bytes(b"")
    root = tmp_path / "lake"
    words = (f"lake={root}", "layout=folders", "size=32", "workers=1")
    assert call("mura-ingest", tmp_path / "tree", *words).returncode == 0

    out = tmp_path / "deep" / "page.html"
    eda(EdaOptions(lake=str(root), out=str(out)))
    page = out.read_text()
    assert "Each view counts as a patient of its own" in _cells(page, "Studies and patients")
    assert "5 folds cannot be drawn. Expected at least 5" in _cells(page, "Example folds")
    assert "empty 1" in _cells(page, "Findings and rejects")
    assert "Valid" not in _cells(page, "Views, studies, patients")


def test_a_lake_may_lie_in_a_folder_whose_name_is_not_utf_8(
    wrist_lake: Lake, tmp_path: Path
) -> None:
    root = shutil.copytree(wrist_lake.root, tmp_path / "caf\udce9")
    eda(EdaOptions(lake=str(root), images="off", out=str(tmp_path / "page.html")))
    assert f"{tmp_path}/caf\\xe9" in (tmp_path / "page.html").read_text()


def test_a_damaged_shard_is_told(own_lake: Path, tmp_path: Path) -> None:
    shard = next((own_lake / "shards").rglob("*.tfrecord"))
    shard.write_bytes(shard.read_bytes()[:-1])
    result = call("mura-eda", f"lake={own_lake}", f"out={tmp_path / 'eda.html'}")
    assert result.returncode == 1
    assert "just verify" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "eda.html").exists()
