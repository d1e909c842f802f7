"""The report of small synthetic run folders: its numbers, its files, and that it stands alone."""

import json
import re
from base64 import b64encode
from html import unescape
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from shared.errors import TrainingError
from shared.labels import LABEL_NAMES
from tests.trainer.run_folders import PARTS, fit, predict, write_cv, write_run, write_train
from trainer.data.target import Target
from trainer.evaluation.decisions.decision import Decision
from trainer.evaluation.scored_table import LEVELS
from trainer.report import official_valid
from trainer.report.error_analysis import heat_map_path
from trainer.report.official_valid import digest_studies
from trainer.report.page import write_report
from trainer.report.terminal import print_results
from trainer.report.text import formatting, methods, summary
from trainer.report.text.formatting import number
from trainer.runs.saved.run_files import write_digests


def read_text(report: Path) -> str:
    """Return what a person reads on the page."""
    page = re.sub(r"<style>.*?</style>", "", report.read_text(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


@pytest.fixture(params=["train_report", "cv_report"])
def report(request: pytest.FixtureRequest) -> Path:
    """The page of a run with all its sets."""
    return request.getfixturevalue(request.param)


def _headline(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics that come first: pooled out-of-fold ones in a cross-validation."""
    if "chosen" in metrics:
        return metrics["out_of_fold"][metrics["chosen"]]["all"]
    return metrics["test"]["all"]


def test_the_page_holds_the_headline_of_the_metrics(report: Path):
    assert report.name == "report.html"
    measures = _headline(json.loads((report.parent / "metrics.json").read_text()))
    text = read_text(report)
    cards = re.findall(r'class="value">([^<]*)<', report.read_text())
    keys = ("view_auroc", "study_auroc", "view_accuracy", "study_kappa")
    assert cards == [number(measures[key]) for key in keys]
    assert f"always “normal”: {number(measures['view_majority_accuracy'])}" in text
    counts = f"{measures['num_views']} views of {measures['num_studies']} studies"
    assert f"On {counts} held out from training" in text
    assert "no patient is in two sets" in text
    assert "d1ge57" in text
    assert "1 h 1 min" in text
    assert "Research use, not a diagnosis." in text


def test_numbers_stand_with_their_intervals(report: Path):
    metrics = json.loads((report.parent / "metrics.json").read_text())
    measures, text = _headline(metrics), read_text(report)
    for level in ("view", "study"):
        for key in ("auroc", "accuracy", "kappa", "recall", "specificity", "precision", "f1"):
            bounds = measures[f"{level}_intervals"][key]
            assert bounds["low"] <= measures[f"{level}_{key}"] <= bounds["high"]
            shown = f"{number(measures[f'{level}_{key}'])} {formatting.interval(bounds)}"
            assert shown == formatting.estimate(measures, level, key)
            assert shown in text
    assert "95 % CIs from 2,000 bootstrap resamples of the patients of a set" in text.replace(
        "\N{NARROW NO-BREAK SPACE}", " "
    )


def test_answers_at_the_learnt_threshold_stand_below_those_at_one_half(report: Path):
    metrics = json.loads((report.parent / "metrics.json").read_text())
    measures, text = _headline(metrics), read_text(report)
    for level in ("view", "study"):
        learnt = measures[f"{level}_at_threshold"]
        assert learnt["threshold"] == metrics["decision"][level]["threshold"]
        majority = number(measures[f"{level}_majority_accuracy"])
        at_half = formatting.estimate(measures, level, "accuracy")
        bounds = formatting.interval(learnt["intervals"]["accuracy"])
        assert f"{level} 0.500 {at_half} {majority}" in text
        accuracy = f"{number(learnt['accuracy'])} {bounds}"
        assert f"{level} {number(learnt['threshold'])} {accuracy} {majority}" in text
    learnt_on = metrics["decision"]["learnt_on"].replace("_", "-")
    assert f"were learnt on the {learnt_on} predictions" in text
    assert "the test set was not used" in text


def test_predictive_values_stand_at_each_prevalence(report: Path):
    measures, text = (
        _headline(json.loads((report.parent / "metrics.json").read_text())),
        read_text(report),
    )
    for level in ("view", "study"):
        learnt = measures[f"{level}_at_threshold"]
        recall, specificity = learnt["recall"], learnt["specificity"]
        assert [row["prevalence"] for row in learnt["predictive_values"]] == [0.05, 0.1, 0.2, 0.5]
        for row in learnt["predictive_values"]:
            share = row["prevalence"]
            positive = recall * share / (recall * share + (1 - specificity) * (1 - share))
            assert row["ppv"] == pytest.approx(positive)
            bounds = row["intervals"]["ppv"]
            assert bounds["low"] <= row["ppv"] <= bounds["high"]
            assert f"{number(row['ppv'])} {formatting.interval(bounds)}" in text


def test_published_results_stand_beside_the_official_valid_split_only(
    train_report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert "Published results" not in read_text(train_report)
    folder = write_train(tmp_path / "run")
    test = pl.read_parquet(folder / "predictions.parquet").filter(role="test")
    # the digest of this set stands in for that of MURA
    named = test.with_columns(pl.col("study_id").str.replace(r"_[01]$", "_negative"))
    monkeypatch.setattr(official_valid, "OFFICIAL_DIGEST", digest_studies(named))
    monkeypatch.setattr(official_valid, "_NAME", r"^valid/(XR_[A-Z]+/patient\d+/study\d+)_[01]$")
    text = read_text(write_report(folder))
    measures = json.loads((folder / "metrics.json").read_text())["test"]["all"]
    assert "Published results" in text
    assert "DenseNet-201, fine-tuned 0.645" in text
    error = measures["study_kappa_standard_error"]
    assert f"standard error of this study kappa is {number(error)}" in text
    bounds = measures["study_intervals"]["kappa"]
    assert bounds["high"] - bounds["low"] == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_the_page_stands_alone(report: Path):
    page = report.read_text()
    loads = re.findall(r'\b(?:src|href|action|data)\s*=\s*"([^"]*)"', page)
    assert all(load.startswith("#") for load in loads)
    assert not re.search(r"<(script|link|iframe|img)\b|@import|url\((?!#)", page)
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert not re.search(r"https?://", without_names)


def test_ids_are_unique_and_references_resolve(report: Path):
    page = report.read_text()
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', page)) <= {
        pair for name in ids for pair in ((name, ""), ("", name))
    }


def test_figures_are_files_that_parse(cv_report: Path):
    figures = {path.stem: path for path in (cv_report.parent / "figures").iterdir()}
    expected = {"confusion_view", "confusion_study", "roc", "roc_test", "candidates"}
    expected |= {"reliability_view", "reliability_study"}
    assert expected | {"loss", "auroc", "loss_folds", "auroc_folds"} <= set(figures)
    for path in figures.values():
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(train_report: Path, tmp_path: Path):
    assert write_report(write_train(tmp_path)).read_bytes() == train_report.read_bytes()


@pytest.mark.slow
def test_names_are_escaped(tmp_path: Path):
    report = write_report(write_train(tmp_path, model="<b>$x_$&"))
    assert "<b>$" not in report.read_text()
    assert "<b>$x_$&" in read_text(report)


@pytest.mark.slow
def test_classes_have_a_table_and_a_figure_where_they_are_told_apart(tmp_path: Path):
    scored = [row for role in ("validation", "test") for row in predict("cnn", role, parts=PARTS)]
    target = Target("part_abnormal", ("elbow", *PARTS))
    folder = write_run(tmp_path, "train", scored, list(fit("cnn")), target)
    text = read_text(write_report(folder))
    measures = json.loads((folder / "metrics.json").read_text())["classes"]["test"]
    assert "The model predicts 6 classes" in text
    for level, unit in LEVELS.items():
        accuracy = formatting.estimate(measures, level, "accuracy")
        assert f"{level} {measures[f'num_{unit}']} {unit} {accuracy}" in text
        assert (folder / "figures" / f"class_confusion_{level}.svg").is_file()
    hand = measures["view_classes"][2]
    assert hand["name"] == "hand normal"
    assert f"hand normal {hand['support']} {number(hand['recall'])}" in text
    assert "elbow abnormal 0" in text


def test_without_classes_nothing_is_said_of_them(report: Path):
    assert "Classes" not in read_text(report)
    assert not list((report.parent / "figures").glob("class_*"))


def test_candidates_name_every_model_and_mark_the_chosen(cv_report: Path):
    text = read_text(cv_report)
    metrics = json.loads((cv_report.parent / "metrics.json").read_text())
    assert "2 candidates were compared" in text
    assert "large/2 ✓ chosen" in text
    assert "small ✓" not in text
    assert "The test set was not used for any choice" in text
    assert "a fifth of the patients held out for early stopping" in text
    for model in ("small", "large/2"):
        for key in ("view_auroc", "study_kappa"):
            folds = [fold[key] for fold in metrics["folds"][model]]
            spread = f"{number(np.mean(folds).item())} ± {number(np.std(folds, ddof=1).item())}"
            assert spread in text
    for index, fold in enumerate(metrics["folds"]["large/2"], 1):
        auroc, kappa = number(fold["view_auroc"]), number(fold["study_kappa"])
        assert f" {index} {fold['num_views']} {fold['num_studies']} {auroc} {kappa} " in text


def test_a_cross_validation_shows_pooled_numbers_first_and_the_test_beside_them(cv_report: Path):
    text = read_text(cv_report)
    metrics = json.loads((cv_report.parent / "metrics.json").read_text())
    pooled, test = metrics["out_of_fold"]["large/2"]["all"], metrics["test"]["all"]
    auroc, interval = number(pooled["view_auroc"]), pooled["view_intervals"]["auroc"]
    beside = formatting.estimate(test, "view", "auroc")
    first = f"{auroc} 95 % CI {formatting.interval(interval)} test: {beside}"
    assert f"Out-of-fold view AUROC {first}" in text
    assert text.index("Out-of-fold: each view") < text.index("Test: the valid split")
    for measures in (pooled, test):
        shown = number(measures["study_at_threshold"]["accuracy"])
        assert shown in text.split("Decision threshold and calibration")[1]
    card = (cv_report.parent / "model_card.md").read_text()
    assert card.index("Out-of-fold: each view") < card.index("Test: the valid split")


def test_a_run_prints_its_sets_in_the_order_of_the_report(
    report: Path, capsys: pytest.CaptureFixture[str]
):
    write_digests(report.parent)
    print_results(report.parent)
    printed = capsys.readouterr().out
    sets = [line.partition(":")[0] for line in printed.splitlines()]
    expected = ["test", "validation", "report"]
    is_cv = "chosen" in json.loads((report.parent / "metrics.json").read_text())
    assert sets == (["out-of-fold", *expected] if is_cv else expected)


@pytest.mark.slow
def test_an_ensemble_is_told_and_needs_no_refit(tmp_path: Path):
    write_cv(tmp_path, roles=("test",))
    history = pl.read_parquet(tmp_path / "history.parquet")
    history.filter(pl.col("fold").is_not_null()).write_parquet(tmp_path / "history.parquet")
    config = json.loads((tmp_path / "config.json").read_text())
    config["options"]["ensemble"] = "folds"
    (tmp_path / "config.json").write_text(json.dumps(config))
    text = read_text(write_report(tmp_path))
    assert "The final model is the ensemble of its 3 fold models" in text
    assert "was trained on the train split, with" not in text
    assert "Validation: held out" not in text


def _read_cases(page: str, heading: str) -> list[tuple[str, str, float, str]]:
    """Return actual and predicted label, probability and name of the cases below a heading."""
    section = page.split(f"<h2>{heading}</h2>")[1].split("<h2>")[0].replace("<wbr>", "")
    found = re.findall(
        r'<b class="(\w+)">.*?, predicted (\w+).*?probability <b>(.*?)</b>.*?<code>(.*?)</code>',
        section,
        re.DOTALL,
    )
    return [(truth, answer, float(number), name) for truth, answer, number, name in found]


def test_mistakes_and_uncertain_studies_are_told(report: Path):
    folder, page = report.parent, report.read_text()
    scored = pl.read_parquet(folder / "predictions.parquet").filter(role="test")
    threshold = json.loads((folder / "decision.json").read_text())["view"]["threshold"]
    answers = {row["view_id"]: row for row in scored.to_dicts()}
    mistakes = _read_cases(page, "Most confident errors")
    assert len(mistakes) == 8
    for truth, answer, probability, name in mistakes:
        row = answers[name]
        is_abnormal = row["probability"] >= threshold
        assert (truth, answer) == (LABEL_NAMES[row["label"]], LABEL_NAMES[int(is_abnormal)])
        assert truth != answer
        assert probability == pytest.approx(row["calibrated_probability"], abs=6e-4)
    uncertain = _read_cases(page, "Most uncertain studies")
    assert len(uncertain) == 6
    assert {name for *_, name in uncertain} <= set(scored["study_id"])
    assert page.count("<code>image1.png</code>") == 6


@pytest.mark.slow
def test_pictures_are_shown_where_the_run_kept_them(train_report: Path, tmp_path: Path):
    write_train(tmp_path)
    without = train_report.read_text()
    assert "<img" not in without
    assert "Radiographs and heat maps were left out" in without
    *_, first = _read_cases(without, "Most confident errors")[0]
    path = heat_map_path(tmp_path, first)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a picture")
    page = write_report(tmp_path).read_text()
    assert f'src="data:image/jpeg;base64,{b64encode(b"a picture").decode()}"' in page
    assert "is as private as they are" in page


@pytest.mark.slow
def test_without_test_rows_the_page_says_so(untested_report: Path, tmp_path: Path):
    cross_validated = write_report(write_cv(tmp_path, roles=("validation",)))
    for report, role in ((untested_report, "Validation"), (cross_validated, "Out-of-fold")):
        assert json.loads((report.parent / "metrics.json").read_text())["test"] == {}
        text = read_text(report)
        assert "There is no test set" in text
        assert f"{role} view AUROC" in text


def test_few_studies_are_flagged(train_report: Path, untested_report: Path):
    assert "fewer than 30 studies" not in read_text(train_report)
    assert "fewer than 30 studies" in read_text(untested_report)


@pytest.mark.slow
def test_one_label_one_epoch_and_no_history_are_no_obstacle(tmp_path: Path):
    normal = [row for row in predict("cnn", "test") if row[7] == 0]
    for history in (list(fit("cnn", num_epochs=1)), []):
        text = read_text(write_report(write_run(tmp_path, "train", normal, history)))
        assert "have the same label" in text
        assert "Test view AUROC –" in text  # noqa: RUF001  # the dash of an undefined number


def test_a_patient_in_two_sets_is_not_hidden(tmp_path: Path):
    scored = list(predict("cnn", "test"))
    leaked = [(f"{r[0]}x", r[1], None, "validation", *r[4:]) for r in scored[:2]]
    text = read_text(write_report(write_run(tmp_path, "train", [*scored, *leaked], [])))
    assert "1 patient of the validation set" in text


def test_a_folder_without_predictions_is_refused(tmp_path: Path):
    write_train(tmp_path)
    (tmp_path / "predictions.parquet").unlink()
    with pytest.raises(TrainingError, match=r"without predictions\.parquet"):
        write_report(tmp_path)


def test_no_predictions_are_refused(tmp_path: Path):
    write_train(tmp_path)
    predictions = tmp_path / "predictions.parquet"
    pl.read_parquet(predictions).clear().write_parquet(predictions)
    with pytest.raises(TrainingError, match="num_views=0"):
        write_report(tmp_path)


class TestHeadline:
    MEASURES: ClassVar[dict[str, Any]] = {
        "num_views": 300,
        "num_studies": 100,
        "num_abnormal_views": 120,
        "num_abnormal_studies": 40,
        "view_auroc": 0.8,
        "study_auroc": 0.85,
        "view_accuracy": 0.7,
        "view_majority_accuracy": 0.6,
        "study_intervals": {"auroc": {"low": 0.71, "high": 0.93, "num_resamples": 2000}},
    }

    def test_a_good_model_is_compared_to_chance_and_majority(self):
        ranking, accuracy = summary.headline(self.MEASURES)
        assert "AUROC 0.800; chance is 0.5" in ranking
        assert "always predicting “normal”" in accuracy
        assert "no better" not in accuracy

    def test_no_better_than_majority_is_said(self):
        sentences = summary.headline({**self.MEASURES, "view_accuracy": 0.6})
        assert "no better" in sentences[1]

    def test_what_chance_explains_is_said(self):
        for low, high, is_chance in ((0.48, 0.7, True), (0.52, 0.7, False), (0.3, 0.49, False)):
            intervals = {"auroc": {"low": low, "high": high, "num_resamples": 2000}}
            sentences = summary.headline({**self.MEASURES, "study_intervals": intervals})
            assert any("chance." in sentence for sentence in sentences) is is_chance

    def test_what_has_no_interval_is_not_called_chance(self):
        sentences = summary.headline({**self.MEASURES, "study_intervals": {"auroc": None}})
        assert not any("chance." in sentence for sentence in sentences)


class TestNotes:
    @staticmethod
    def by_part(num_resamples: int = 2000, low: float = 0.7) -> dict[str, Any]:
        auroc = {"low": low, "high": 0.9, "num_resamples": num_resamples}
        return {"all": {"view_intervals": {"auroc": auroc}, "study_intervals": {"auroc": auroc}}}

    def test_resamples_that_were_left_out_are_counted(self):
        assert "left out" not in methods.on_intervals(self.by_part(), 2000)
        note = methods.on_intervals(self.by_part(1986), 2000)
        assert "Resamples with only one label, at most 14, are left out" in note

    def test_an_interval_without_width_is_no_certainty(self):
        assert "not certainty" in methods.on_intervals(self.by_part(low=0.9), 2000)
        assert "not certainty" not in methods.on_intervals(self.by_part(), 2000)

    def test_too_few_patients_are_said(self):
        nothing: dict[str, Any] = {f"{level}_intervals": {"auroc": None} for level in LEVELS}
        note = methods.on_intervals({**self.by_part(), "hand": nothing}, 2000)
        assert "no interval for fewer than 20 patients" in note

    def test_results_at_a_threshold_learnt_on_the_same_set_are_too_good(self):
        decision = Decision("cnn", "validation", 90, 30)
        on_test, on_own = (methods.on_decision(decision, [name]) for name in ("test", "validation"))
        assert "the test set was not used" in on_test
        assert "too good" not in on_test
        assert "validation results" in on_own
        assert "too good" in on_own
        assert "no predictions of both labels" in methods.on_decision(Decision("cnn"), ["test"])


@pytest.mark.parametrize(
    ("seconds", "said"), [(1.23, "1.2 s"), (65, "1 min 5 s"), (4380, "1 h 13 min")]
)
def test_durations(seconds: float, said: str):
    assert formatting.duration(seconds) == said


def test_corrected_labels_are_scored_under_both(tmp_path: Path):
    folder = write_train(tmp_path)
    predictions = pl.read_parquet(folder / "predictions.parquet")
    is_changed = (pl.col("role") == "test") & (pl.col("study_id").str.contains("patient0500[02]"))
    label = pl.when(is_changed).then(1 - pl.col("label")).otherwise("label")
    predictions.with_columns(label_as_published=label).write_parquet(folder / "predictions.parquet")
    report = write_report(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    published, test = metrics["as_published"]["test"], metrics["test"]["all"]
    assert published["num_abnormal_views"] == test["num_abnormal_views"] + 4
    assert published["view_auroc"] < test["view_auroc"]
    section = read_text(report).partition("By the labels as published")[2]
    assert number(published["study_auroc"]) in section


def test_labels_that_are_as_published_need_no_table(train_report: Path):
    assert "as published" not in read_text(train_report)
