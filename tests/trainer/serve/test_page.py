"""The page in a real browser: it answers, asks no other host for anything, and keeps no file."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pydicom.uid import JPEG2000Lossless

from shared.images.decode import decode_radiograph
from tests.commands import PROJECT, SCRIPTS, run
from tests.shared.images.dicom_files import make_dicom, write_dicom
from trainer.serve.uploads import MAX_AGE_S, remove_old

pytestmark = pytest.mark.timeout(900)  # a machine without a browser gets one first
_CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_MAX_VIEWS = 3
# writes each address that Python connects to, or asks a name server for
_TELL_TALE = """
import os, sys
def _tell(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        with open(os.environ["TOLD"], "a") as told:
            print(event, args[1] if event == "socket.connect" else args[0], file=told)
sys.addaudithook(_tell)
"""


@dataclass(frozen=True)
class Served:
    """A page that is being served."""

    url: str
    process: "subprocess.Popen[str]"
    temporary: Path
    told: Path

    def uploads(self) -> list[Path]:
        return [path for path in self.temporary.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def served(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("serve")
    (folder / "tmp").mkdir()
    (folder / "sitecustomize.py").write_text(_TELL_TALE)
    told = folder / "told"
    environment = {
        **os.environ,
        "TMPDIR": str(folder / "tmp"),
        "TOLD": str(told),
        "PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT)]),
    }
    words = (f"run={trained_run}", "port=0", f"max_views={_MAX_VIEWS}", "limit_mb=1")
    process = subprocess.Popen(
        [str(SCRIPTS / "mura-serve"), *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        yield Served(found[0], process, folder / "tmp", told)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    _require_chromium()
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)


def _require_chromium() -> None:
    """Install Debian's Chromium where that is possible; CI must not go without."""
    if _CHROMIUM.exists():
        return
    why = "no apt-get, or no right to install it"
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            command = ["apt-get", "-q", *words]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            why = " ".join(done.stderr.splitlines()[-1:])
    if not _CHROMIUM.exists():
        assert os.environ.get("CI") != "true", f"CI needs {_CHROMIUM}: {why}"
        pytest.skip(f"no {_CHROMIUM}: {why}")


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """The page, opened; afterwards nothing may have gone elsewhere, nor been kept from it."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    asked: list[str] = []
    refused: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            refused.append(message.text)

    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", hear)
    opened.goto(served.url)
    yield opened
    context.close()
    own = (served.url, "data:", f"blob:{served.url}")
    assert asked
    assert [url for url in asked if not url.startswith(own)] == []
    assert refused == []


@pytest.fixture(scope="module")
def views(phantom_tree: Path) -> list[Path]:
    """Four views of wrists."""
    return sorted((phantom_tree / "train" / "XR_WRIST").rglob("image*.png"))[:4]


def _drop(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").set_input_files(files)


def test_a_study_is_answered(page: Page, served: Served, views: list[Path]) -> None:
    disclaimer = page.get_by_text("Research use, not a diagnosis.").first
    expect(disclaimer).to_be_in_viewport()

    _drop(page, *views[:2])

    expect(page.locator("[data-answer=study]")).to_have_text(re.compile("^(Normal|Abnormal)$"))
    probability = float(page.locator("[data-probability=study]").inner_text())
    by_view = [float(text) for text in page.locator("[data-probability=view]").all_inner_texts()]
    assert len(by_view) == 2
    assert 0 < probability < 1
    assert all(0 < each < 1 for each in by_view)
    expect(page.locator("[data-answer=view]")).to_have_count(2)
    expect(disclaimer).to_be_in_viewport()

    heat = page.locator("img.heat").first
    assert heat.evaluate("image => image.naturalWidth") == 64
    for share in ("0", "85"):
        page.get_by_label("Opacity of the heat map").fill(share)
        opacity = float(heat.evaluate("image => getComputedStyle(image).opacity"))
        assert opacity == pytest.approx(int(share) / 100)

    page.get_by_text("Report card of this model").click()
    for heading in ("Intended use", "Quantitative analyses", "Caveats and recommendations"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    assert served.uploads() == []


def test_a_dicom_file_is_answered_as_its_picture(
    page: Page, served: Served, views: list[Path], tmp_path: Path
) -> None:
    samples = decode_radiograph(views[0].read_bytes()).grey
    dataset = make_dicom(~samples, bits=8, PhotometricInterpretation="MONOCHROME1")
    dataset.compress(JPEG2000Lossless)
    dicom = tmp_path / "IM0001"
    dicom.write_bytes(write_dicom(dataset))
    _drop(page, views[0], dicom)
    expect(page.locator("[data-answer=view]")).to_have_count(2)
    by_view = page.locator("[data-probability=view]").all_inner_texts()
    assert by_view[0] == by_view[1]
    expect(page.get_by_text("IM0001")).to_be_visible()
    expect(page.locator(".unread")).to_have_count(0)
    assert served.uploads() == []


def test_bad_files_are_answered_with_a_sentence(
    page: Page, served: Served, views: list[Path], tmp_path: Path
) -> None:
    text = tmp_path / "<b>letter.png"
    text.write_text("Dear colleague,\n")
    _drop(page, text)
    expect(page.locator(".unread")).to_contain_text("is no radiograph that could be read")
    expect(page.locator("[data-answer=study]")).to_have_count(0)

    _drop(page, text, views[0])
    expect(page.locator("[data-answer=view]")).to_have_count(1)
    expect(page.get_by_text("What follows is of the other view only.")).to_be_visible()

    _drop(page, *views)
    expect(page.get_by_text("Expected at most 3 views of one study; 4 came.")).to_be_visible()
    expect(page.locator("[data-answer=view]")).to_have_count(0)

    large = tmp_path / "large.png"
    large.write_bytes(bytes(2 * 1024 * 1024))
    _drop(page, large)
    expect(page.get_by_text("exceed", exact=False).first).to_be_visible()
    assert served.uploads() == []


def test_it_fits_a_phone(page: Page, views: list[Path]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_text("Research use, not a diagnosis.").first).to_be_in_viewport()
    _drop(page, *views[:2])
    expect(page.locator("[data-answer=study]")).to_be_visible()
    page.get_by_text("Report card of this model").click()
    expect(page.get_by_role("heading", name="Intended use")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for part in ("h1", ".disclaimer", ".verdict", "figure", "#card"):
        box = page.locator(part).first.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_what_is_served_names_no_other_host_and_listens_here_only(served: Served) -> None:
    with urlopen(served.url) as response:
        policy, html = response.headers["content-security-policy"], response.read().decode()
    hosts = set(re.findall(r"(?:https?:)?//([\w.-]+\.\w+)", html))
    assert hosts == {"127.0.0.1"}
    assert "default-src 'self'" in policy
    assert "http" not in policy
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(served.process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_a_name_that_only_leads_here_is_refused(served: Served) -> None:
    code = (
        "import sys, urllib.request as r, urllib.error as e\n"
        "try: r.urlopen(r.Request(sys.argv[1], headers={'Host': 'evil.example'}))\n"
        "except e.HTTPError as error: print(error.code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, served.url], capture_output=True, text=True, timeout=30
    )
    assert result.stdout.strip() == "421", result.stderr
    assert urlopen(Request(served.url, headers={"Host": "localhost:1"})).status == 200


def test_what_nobody_asked_about_is_removed_when_it_is_old(tmp_path: Path) -> None:
    (tmp_path / "digest").mkdir()
    old, new = tmp_path / "digest" / "old.png", tmp_path / "tmp_new"
    for file, age_s in ((old, MAX_AGE_S + 1), (new, MAX_AGE_S - 60)):
        file.write_bytes(b"a radiograph")
        written_s = time.time() - age_s
        os.utime(file, (written_s, written_s))
    remove_old(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [new]


def test_a_port_in_use_is_one_line(trained_run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("mura-serve", f"run={trained_run}", f"port={port}")
    assert result.returncode == 1
    assert result.stderr.startswith("serve: Expected an address of this machine and a free port")
    assert len(result.stderr.splitlines()) == 1


def test_without_gradio_its_package_is_asked_for(trained_run: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['gradio'] = None")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(PROJECT)])}
    result = run("mura-serve", f"run={trained_run}", environment=environment)
    assert result.returncode == 1
    assert "pip install 'mura-lake[serve]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_ctrl_c_leaves_cleanly_and_nothing_went_out(served: Served) -> None:
    served.process.send_signal(signal.SIGINT)
    _, said = served.process.communicate(timeout=30)
    assert served.process.returncode == 130, said
    assert said.splitlines() == ["starting TensorFlow", "serve: interrupted; the page is closed"]
    assert list(served.temporary.glob("mura-serve-*")) == []
    told = served.told.read_text() if served.told.exists() else ""
    assert [line for line in told.splitlines() if "127.0.0.1" not in line] == []
