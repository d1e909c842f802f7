"""The API answers what `predict` prints, and its documentation is true."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import PROJECT, run
from tests.trainer.serve.server import FORM, Served, ask, make_form, predict, serving
from tests.trainer.slow_tensorflow import delay_tensorflow, python_path

TOKEN = "correct-horse-battery"
GUIDE = (PROJECT / "docs" / "serve.md").read_text()
EXAMPLES = [
    (language, text)
    for language, text in re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.DOTALL)
    if "just serve" not in text
]


def test_the_api_answers_what_predict_prints(
    served: Served, trained_run: Path, views: list[Path], tmp_path: Path
) -> None:
    study = tmp_path / "study"
    study.mkdir()
    for number, view in enumerate(views[:2]):
        shutil.copy(view, study / f"view{number}.png")
    (study / "letter.png").write_bytes(b"Dear colleague, the patient of yesterday")
    printed = run("mura-predict", study, f"run={trained_run}", "format=json")
    names = ("letter.png", "view0.png", "view1.png")

    answer = predict(served, *((name, (study / name).read_bytes()) for name in names))

    assert answer.status == 200
    expected = json.loads(printed.stdout)
    assert expected["unread"][0].pop("detail") != "The file is text."
    expected["unread"][0]["detail"] = "The file is text."
    expected["run"] = trained_run.name
    for row in (*expected["views"], *expected["studies"], *expected["unread"]):
        row["study"] = "study"
        if "path" in row:
            row["path"] = Path(row["path"]).name
    assert answer.json() == expected
    assert answer.body.decode() == json.dumps(expected, indent=2) + "\n"


def test_a_study_without_a_view_that_can_be_read_has_the_same_form(served: Served) -> None:
    answer = predict(served, ("secret.png", b"Dear colleague, the patient of yesterday"))
    assert answer.status == 422
    assert answer.json()["views"] == answer.json()["studies"] == []
    assert answer.json()["unread"][0]["reason"] == "text"
    assert b"colleague" not in answer.body


def test_the_model_is_described_without_paths(served: Served, trained_run: Path) -> None:
    answer = ask(served, "GET", "/api/model")
    model = answer.json()
    decision = json.loads((trained_run / "decision.json").read_text())
    assert model["run"] == trained_run.name
    assert model["model"] == "cnn4"
    assert model["body_parts"] == ["wrist"]
    assert model["image"]["size"] == 64
    assert model["decision"]["study"]["threshold"] == decision["study"]["threshold"]
    assert model["metrics"]["set"] == "test"
    assert str(trained_run.parent) not in answer.body.decode()
    assert ask(served, "GET", "/health").json() == {"status": "ok"}


@pytest.fixture(scope="module")
def guarded(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that demands a token, and that cannot encode pictures."""
    folder = tmp_path_factory.mktemp("fault")
    # no heat map is asked for, so TensorFlow need not start
    delay_tensorflow(folder)
    with (folder / "sitecustomize.py").open("a") as code:
        code.write("import cv2; cv2.imencode = None\n")
    own = {"MURA_TOKEN": TOKEN, "PYTHONPATH": python_path(folder)}
    with serving(trained_run, **own) as started:
        yield started


def test_a_token_is_demanded_of_everything_that_tells_of_the_model(
    guarded: Served, views: list[Path]
) -> None:
    view = views[0].read_bytes()
    wrong = ("", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \xff", f"bearer  {TOKEN}")
    for method, path in (
        ("GET", "/card"),
        ("GET", "/api/model"),
        ("POST", "/predict"),
        ("POST", "/heat-maps"),
        ("POST", "/api/predict"),
        ("GET", "/no/such/page"),
    ):
        for value in wrong:
            headers = [f"Authorization: {value}"] if value else []
            answer = ask(guarded, method, path, headers=headers)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    shell = ask(guarded, "GET", "/")
    assert shell.status == 200
    assert b"wrist" not in shell.body.lower()
    assert ask(guarded, "GET", f"/api/model?token={TOKEN}").status == 401
    right = f"Authorization: Bearer {TOKEN}"
    assert ask(guarded, "GET", "/api/model", headers=[right]).status == 200
    assert predict(guarded, ("a.png", view), headers=[right]).status == 200


def test_a_failure_is_one_sentence_and_its_traceback_stays_here(
    guarded: Served, views: list[Path]
) -> None:
    form = make_form(("a.png", views[0].read_bytes()))
    headers = [FORM, f"Authorization: Bearer {TOKEN}"]
    answer = ask(guarded, "POST", "/predict", form, headers)
    assert answer.status == 500
    assert answer.json() == {"error": "Internal error; the server has logged the details."}
    assert guarded.process.stderr
    printed = ""
    while "TypeError" not in printed:
        printed += guarded.process.stderr.readline()
    assert "Traceback" in printed
    assert TOKEN not in printed
    assert predict(guarded, ("a.png", views[0].read_bytes()), headers=headers[1:]).status == 200


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[0])
def test_an_example_of_the_documentation_runs(
    example: tuple[str, str], guarded: Served, views: list[Path], tmp_path: Path
) -> None:
    language, text = example
    (tmp_path / "study").mkdir()
    for number, view in enumerate(views[:2], start=1):
        shutil.copy(view, tmp_path / "study" / f"image{number}.png")
    shell = shutil.which("bash") or "sh"
    command = {"sh": [shell, "-ec"], "python": [sys.executable, "-c"]}[language]
    if language == "sh" and not shutil.which("curl"):
        pytest.skip("no curl")
    result = subprocess.run(
        [*command, text.replace("http://127.0.0.1:7860", guarded.url)],
        cwd=tmp_path,
        env={**os.environ, "MURA_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert re.search(r"normal|ok", result.stdout), result.stdout


def test_there_are_examples_for_curl_and_for_python() -> None:
    assert {language for language, _ in EXAMPLES} == {"sh", "python"}
    assert any("curl" in text for _, text in EXAMPLES)
