"""`mura-evaluate` and `mura-compare` on the shared run."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from shared.lake.open import Lake
from tests.commands import Completed, call
from tests.trainer.run_folders import finish, fit, predict, write_run
from trainer.runs.evaluation_folder import open_predictions
from trainer.runs.saved.open import open_saved_run
from trainer.runs.saved.run_files import read_digests, write_digests


def evaluate(run: Path, lake: Path, out: Path, *words: str) -> Completed:
    return call("mura-evaluate", f"run={run}", f"lake={lake}", f"out={out}", *words)


@pytest.fixture(scope="module")
def evaluation(trained_run: Path, lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evaluation of the run on the valid wrists of its own lake."""
    out = tmp_path_factory.mktemp("evaluation") / "own"
    result = evaluate(trained_run, lake.root, out, "part=wrist")
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stderr
    return out


class TestEvaluate:
    def test_on_the_test_set_the_results_are_those_of_the_run(
        self, evaluation: Path, trained_run: Path
    ) -> None:
        run, found = open_saved_run(str(trained_run)), open_predictions(str(evaluation))
        expected = run.scored.filter(role="test").sort("view_id")
        scored = found.scored.sort("view_id")
        assert scored["view_id"].to_list() == expected["view_id"].to_list()
        np.testing.assert_allclose(scored["probability"], expected["probability"], atol=1e-4)
        assert found.decision == run.decision
        metrics = json.loads((evaluation / "metrics.json").read_text())
        test = run.metrics["test"]["all"]
        for key in ("num_views", "view_auroc", "study_kappa", "study_auroc", "view_recall"):
            assert metrics["evaluation"]["all"][key] == pytest.approx(test[key], abs=1e-3)
        assert metrics["overlap"] == {"num_patients": 0, "num_images": 0}

    def test_the_page_marks_what_was_fitted_on_the_set(self, evaluation: Path) -> None:
        page = (evaluation / "report.html").read_text()
        assert "fitted on this set" in page
        assert "These numbers are too good" in page
        assert "Published results" not in page
        assert not re.search(r"<(script|link|iframe|img)\b|@import|url\((?!#)", page)
        assert {"report.html", "metrics.json", "predictions.parquet"} <= {*read_digests(evaluation)}

    def test_training_views_cause_a_warning(
        self, trained_run: Path, lake: Lake, tmp_path: Path
    ) -> None:
        result = evaluate(trained_run, lake.root, tmp_path / "out", "part=wrist", "split=train")
        assert result.returncode == 0, result.stderr
        train = lake.manifest.filter(split="train", body_part="wrist")
        num_patients = train["patient_id"].n_unique()
        assert f"warning: {train.height} views are also in the training" in result.stderr
        assert f"{num_patients} patients have the number of a patient" in result.stderr
        assert "are also in the training" in (tmp_path / "out" / "report.html").read_text()
        compared = call("mura-compare", trained_run, tmp_path / "out", "set=validation")
        assert compared.returncode == 1
        twice = tmp_path / "twice"
        shutil.copytree(tmp_path / "out", twice)
        compared = call("mura-compare", twice, tmp_path / "out")
        assert f"warning: twice: {train.height} views are also in the training" in compared.stderr

    def test_another_part_is_named_as_not_trained_on(
        self, trained_run: Path, lake: Lake, tmp_path: Path
    ) -> None:
        result = evaluate(trained_run, lake.root, tmp_path / "out", "part=elbow")
        assert result.returncode == 0, result.stderr
        page = (tmp_path / "out" / "report.html").read_text()
        assert "not trained on these body parts: elbow." in page

    def test_another_preparation_is_refused_by_name(
        self, trained_run: Path, phantom_tree: Path, tmp_path: Path
    ) -> None:
        other = tmp_path / "lake"
        words = (f"lake={other}", "size=32", "fit=stretch", "encoding=png", "parts=forearm")
        assert call("mura-ingest", phantom_tree, *words, "workers=1").returncode == 0
        result = evaluate(trained_run, other, tmp_path / "out")
        assert (result.returncode, result.stdout) == (1, "")
        (line,) = result.stderr.splitlines()
        assert "with size=64 fit=pad. Received: lake=" in line
        assert line.endswith("with size=32 fit=stretch")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["part=other"], "views of part=other split=auto"),
            (["split=test"], "auto, train, valid, all"),
        ],
    )
    def test_missing_views_are_an_error(
        self, trained_run: Path, lake: Lake, tmp_path: Path, words: list[str], expected: str
    ) -> None:
        result = evaluate(trained_run, lake.root, tmp_path / "out", *words)
        assert result.returncode in (1, 2)
        assert expected in result.stderr
        assert list(tmp_path.iterdir()) == []

    def test_an_existing_folder_is_not_replaced(
        self, trained_run: Path, lake: Lake, evaluation: Path
    ) -> None:
        before = read_digests(evaluation)
        result = evaluate(trained_run, lake.root, evaluation)
        assert result.returncode == 2
        assert read_digests(evaluation) == before


def write_cv_run(folder: Path, strength: float, seed: int) -> Path:
    """Write a finished cross-validation whose model ranks views by label with this strength."""
    rng = np.random.default_rng(seed)
    rows: list[Any] = []
    for fold in range(3):
        for view, model, own_fold, role, _, study, part, label, patient in predict(
            "cnn", "out_of_fold", fold
        ):
            probability = float(np.clip(strength * (label - 0.5) + rng.random(), 0, 1))
            rows.append((view, model, own_fold, role, probability, study, part, label, patient))
    return finish(write_run(folder, "cv", rows, list(fit("cnn"))))


@pytest.fixture(scope="module")
def cv_runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Path]]:
    folder = tmp_path_factory.mktemp("runs")
    runs = {
        name: write_cv_run(folder / name, strength, seed)
        for seed, (name, strength) in enumerate([("weak", 0.0), ("weak2", 0.0), ("strong", 1.4)])
    }
    return lambda *names: [runs[name] for name in names]


class TestCompare:
    def test_a_planted_difference_is_named(
        self, cv_runs: Callable[..., list[Path]], tmp_path: Path
    ) -> None:
        out = tmp_path / "page.html"
        result = call("mura-compare", *cv_runs("weak", "strong"), f"out={out}")
        assert result.returncode == 0, result.stderr
        assert "72 views of 36 studies and 36 patients are in all runs" in result.stdout
        conclusion = "strong has a higher view AUROC than weak; chance alone does not explain"
        assert conclusion in result.stdout
        # the sign is that of the better run minus the other
        assert re.search(
            r"the difference of 0\.\d+ \(95 % CI 0\.\d+ to 0\.\d+, p [<=]", result.stdout
        )
        page = out.read_text()
        assert conclusion in page
        assert "paired cluster bootstrap" in page
        assert "Holm" not in page
        assert len(re.findall("<svg", page)) == 1

    def test_equal_runs_are_not_told_apart(self, cv_runs: Callable[..., list[Path]]) -> None:
        result = call("mura-compare", *cv_runs("weak", "weak2"))
        assert "cannot be told from chance" in result.stdout

    def test_three_runs_are_corrected(
        self, cv_runs: Callable[..., list[Path]], tmp_path: Path
    ) -> None:
        out = tmp_path / "page.html"
        result = call("mura-compare", *cv_runs("weak", "weak2", "strong"), f"out={out}")
        assert "After Holm's correction for 3 pairs" in result.stdout
        assert "weak and strong; weak2 and strong." in result.stdout
        assert "p, Holm" in result.stdout
        assert len(re.findall("<svg", out.read_text())) == 3

    def test_an_evaluation_is_compared_with_the_test_set_of_a_run(
        self, evaluation: Path, trained_run: Path
    ) -> None:
        run = open_saved_run(str(trained_run))
        num_views = run.scored.filter(role="test").height
        result = call("mura-compare", trained_run, evaluation)
        assert result.returncode == 0, result.stderr
        assert f"test predictions: {num_views} views" in result.stdout

    def test_runs_without_common_views_are_refused(
        self, cv_runs: Callable[..., list[Path]], trained_run: Path
    ) -> None:
        result = call("mura-compare", *cv_runs("weak"), trained_run)
        assert (result.returncode, result.stdout) == (1, "")
        assert "predictions of the same views" in result.stderr
        assert "weak: out_of_fold 72" in result.stderr

    @pytest.mark.parametrize("words", [[], ["weak"], ["weak", "weak"]])
    def test_two_runs_are_needed(
        self, cv_runs: Callable[..., list[Path]], words: list[str]
    ) -> None:
        result = call("mura-compare", *cv_runs(*words))
        assert result.returncode == 2
        assert "folders of two runs or more" in result.stderr

    def test_damaged_predictions_are_refused(
        self, evaluation: Path, trained_run: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "changed"
        folder.mkdir()
        for name in ("config.json", "decision.json", "metrics.json"):
            (folder / name).write_bytes((evaluation / name).read_bytes())
        table = pl.read_parquet(evaluation / "predictions.parquet")
        encoded = io.BytesIO()
        table.with_columns(role=pl.lit("validation")).write_parquet(encoded)
        (folder / "predictions.parquet").write_bytes(encoded.getvalue())
        write_digests(folder)
        result = call("mura-compare", folder, trained_run)
        assert result.returncode == 1
        assert "of the set test" in result.stderr
