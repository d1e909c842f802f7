"""README and docs: snippets run, commands and links work, tables agree with the code."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from docs.generate_cli import COMMANDS, PAGE, generate_page
from shared.command_line import given_keys, parse
from shared.lake.manifest import SCHEMA
from shared.lake.open import Lake
from tests.commands import PROJECT, SCRIPTS, warm
from tests.conftest import SIZE_PX
from trainer.commands.evaluate import evaluate
from trainer.models.table import MODELS
from trainer.options import EvaluateOptions

README = PROJECT / "README.md"
DOCS = PROJECT / "docs"
PAGES = {path.name: path.read_text() for path in (README, *sorted(DOCS.glob("*.md")))}

NEEDS_SERVER = "serve.md"
"""Its snippets are run where a server is."""
README_WORDS, PAGE_WORDS = (600, 800), 1_000
PACKAGES = ("ingest", "shared", "trainer")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_INLINE_COMMAND = re.compile(r"`just (\w+)((?: [\w./]+)*(?: [a-z]\w*=[^`]*)?)`")
_OPTION = re.compile(r"`(?:just \w+ )?([a-z]\w*)=[^`]*`")
_SYMBOL = re.compile(r"`((?:ingest|shared|trainer)/[\w/]+\.py)` `(\w+)`")
_PATH = re.compile(r"`((?:ingest|shared|trainer|tests|docs)/[\w/.-]*)`")


def _blocks(language: str, page: str | None = None) -> Iterator[tuple[str, str]]:
    for name, text in PAGES.items():
        if page in (None, name):
            yield from ((name, code) for kind, code in _FENCE.findall(text) if kind == language)


def _number(blocks: Iterator[tuple[str, str]]) -> list[object]:
    return [pytest.param(code, id=f"{page}-{number}") for number, (page, code) in enumerate(blocks)]


def _commands(page: str | None = None) -> list[tuple[str, list[str]]]:
    """The command lines of the pages: recipe and words."""
    lines = (line for _, code in _blocks("sh", page) for line in code.splitlines())
    words = [shlex.split(line, comments=True) for line in lines if line.startswith("just ")]
    return [(recipe, rest) for _, recipe, *rest in words]


def _column(page: str, heading: str) -> set[str]:
    """The words in backticks of the first column of the table below a heading."""
    table = PAGES[page].split(f"\n{heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([\w/]+)`", cell)}


@pytest.fixture(scope="module")
def folder(
    lake: Lake,
    trained_run: Path,
    exported: Path,
    phantom_tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with the files that snippets name: lake, run and study."""
    folder = tmp_path_factory.mktemp("snippets")
    (folder / "lake").symlink_to(lake.root)
    (folder / "study").symlink_to(next(phantom_tree.glob("valid/XR_WRIST/*/*")))
    run = shutil.copytree(trained_run, folder / "run")
    (run / "saved_model").symlink_to(exported / "saved_model")
    out = str(folder / "external")
    evaluate(EvaluateOptions(part="wrist", run=str(run), lake=str(lake.root), out=out))
    return folder


@pytest.mark.filterwarnings("default", "ignore::ResourceWarning")
@pytest.mark.parametrize(
    "code", _number(block for block in _blocks("python") if block[0] != NEEDS_SERVER)
)
def test_a_snippet_runs(
    code: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    exec(compile(code, "snippet", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


@pytest.mark.slow
def test_the_commands_of_the_quickstart_run(phantom_tree: Path, tmp_path: Path) -> None:
    for split in ("train", "valid"):
        (tmp_path / "data" / "MURA-v1.1" / split).mkdir(parents=True)
        link = tmp_path / "data" / "MURA-v1.1" / split / "XR_SHOULDER"
        link.symlink_to(phantom_tree / split / link.name)
    lines = (line for _, code in _blocks("sh", "quickstart.md") for line in code.splitlines())
    commands = [line for line in lines if re.match(rf"just ({'|'.join(COMMANDS)})\b", line)]
    assert len(commands) > 3
    # small images, and TensorFlow imported beforehand, which take less time
    script = f"""
        export HOME="{tmp_path}"
        just() {{
            local size= start=()
            [ "$1" != ingest ] || size=size={SIZE_PX}
            [[ "$1" != @(train|predict) ]] || start=({shlex.join(warm([]))})
            "${{start[@]}}" "{SCRIPTS}/mura-$1" "${{@:2}}" $size
        }}
    """
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join([script, *commands])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.glob("runs/*/report.html"))
    assert list(tmp_path.glob("maps/*.png"))


def test_command_lines_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURA_TOKEN", "0123456789abcdef")
    recipes = set(re.findall(r"^([\w-]+).*:(?:[^=]|$)", (PROJECT / "justfile").read_text(), re.M))
    commands = _commands()
    assert {recipe for recipe, _ in commands} - {"--list"} <= recipes
    for recipe, words in commands:
        if recipe in COMMANDS:
            parse(COMMANDS[recipe], words, recipe)


@pytest.mark.parametrize("page", PAGES)
def test_names_of_options_exist(page: str) -> None:
    for recipe, words in _INLINE_COMMAND.findall(PAGES[page]):
        if recipe in COMMANDS:
            given_keys(COMMANDS[recipe], shlex.split(words))
    known = {key for kind in COMMANDS.values() for key in kind.__dataclass_fields__}
    assert set(_OPTION.findall(PAGES[page])) - known <= set()


@pytest.mark.parametrize("page", PAGES)
def test_links_and_anchors_lead_somewhere(page: str) -> None:
    folder = PROJECT if page == README.name else DOCS
    for link in _LINK.findall(PAGES[page]):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = folder / path if path else folder / page
        assert target.is_file(), link
        if anchor:
            assert anchor in _anchors(target.read_text()), link


def _anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_paths_and_names_in_the_code_exist(page: str) -> None:
    for path in _PATH.findall(PAGES[page]):
        assert list(PROJECT.glob(path)), path
    for path, name in _SYMBOL.findall(PAGES[page]):
        code = (PROJECT / path).read_text()
        assert re.search(rf"^\s*(def|class) {name}\b|^{name}\b", code, re.MULTILINE), (path, name)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_short(page: str) -> None:
    num_words = len(PAGES[page].split())
    if page == README.name:
        assert README_WORDS[0] <= num_words <= README_WORDS[1]
    elif page != PAGE.name:
        assert num_words <= PAGE_WORDS


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {Path(link.partition("#")[0]).name for link in _LINK.findall(PAGES[README.name])}
    assert set(PAGES) - {README.name} <= linked


def test_the_page_of_options_is_current() -> None:
    assert PAGES[PAGE.name] == generate_page(), "run `just docs`"
    assert {f"mura-{name}" for name in COMMANDS} == {
        script.name for script in distribution("mura-lake").entry_points
    }


def test_models_columns_and_folders_are_listed() -> None:
    assert _column("training.md", "## Models") == set(MODELS)
    assert _column("lake-format.md", "## Manifest") == set(SCHEMA)
    folders = {
        f"{path.parent.relative_to(PROJECT)}/"
        for package in PACKAGES
        for path in (PROJECT / package).rglob("__init__.py")
    }
    assert _column("architecture.md", "## Folders") == folders


def test_reasons_of_rejects_are_listed() -> None:
    code = "".join(
        path.read_text() for package in PACKAGES for path in (PROJECT / package).rglob("*.py")
    )
    raised = set(re.findall(r'ImageError\(\s*"(\w+)"', code))
    assert raised
    assert raised <= _column("ingest.md", "## Rejected files")
