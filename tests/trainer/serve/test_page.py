"""The page in a real browser: it answers, asks no other host for anything, and fits a phone."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pydicom.uid import JPEG2000Lossless

from shared.images.decode import decode_radiograph
from tests.shared.images.dicom_files import make_dicom, write_dicom
from tests.trainer.serve.server import Served, decoding_is_stopped, serving
from tests.trainer.slow_tensorflow import delay_tensorflow, python_path

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
_TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    _require_chromium()
    # heat maps take seconds, and more beside other tests
    expect.set_options(timeout=60_000)
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
        # the browser reports each status of 400 or more
        if "status of" not in message.text:
            refused.append(message.text)

    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", hear)
    opened.goto(served.url)
    yield opened
    context.close()
    own = (served.url, "data:")
    assert asked
    assert [url for url in asked if not url.startswith(own)] == []
    assert refused == []


def _drop(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").set_input_files(files)


def test_a_study_is_answered(page: Page, views: list[Path]) -> None:
    disclaimer = page.get_by_text("Research use, not a diagnosis.").first
    expect(disclaimer).to_be_in_viewport()

    _drop(page, *views[:2])

    expect(page.locator("[data-decision=study]")).to_have_text(re.compile("^(Normal|Abnormal)$"))
    probability = float(page.locator("[data-probability=study]").inner_text())
    by_view = [float(text) for text in page.locator("[data-probability=view]").all_inner_texts()]
    assert len(by_view) == 2
    assert 0 < probability < 1
    assert all(0 < each < 1 for each in by_view)
    expect(page.locator("[data-decision=view]")).to_have_count(2)
    expect(disclaimer).to_be_in_viewport()

    slider = page.get_by_label("Opacity of the heat map")
    expect(slider).to_be_enabled()
    expect(page.locator("img.heat")).to_have_count(2)
    expect(page.get_by_text("Heat maps are being computed")).to_be_hidden()
    heat = page.locator("img.heat").first
    assert heat.evaluate("image => image.naturalWidth") == 64
    for share in ("0", "85"):
        slider.fill(share)
        opacity = float(heat.evaluate("image => getComputedStyle(image).opacity"))
        assert opacity == pytest.approx(int(share) / 100)

    page.get_by_text("Model card", exact=True).click()
    for heading in ("Intended use", "Quantitative analyses", "Caveats and recommendations"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()


def test_a_dicom_file_is_answered_as_its_picture(
    page: Page, views: list[Path], tmp_path: Path
) -> None:
    samples = decode_radiograph(views[0].read_bytes()).grey
    dataset = make_dicom(~samples, bits=8, PhotometricInterpretation="MONOCHROME1")
    dataset.compress(JPEG2000Lossless)
    dicom = tmp_path / "IM0001"
    dicom.write_bytes(write_dicom(dataset))
    _drop(page, views[0], dicom)
    expect(page.locator("[data-decision=view]")).to_have_count(2)
    by_view = page.locator("[data-probability=view]").all_inner_texts()
    assert by_view[0] == by_view[1]
    expect(page.get_by_text("IM0001")).to_be_visible()
    expect(page.locator(".message")).to_have_count(0)


def test_bad_files_are_answered_with_a_sentence(
    page: Page, views: list[Path], tmp_path: Path
) -> None:
    text = tmp_path / "<b>letter.png"
    text.write_text("Dear colleague,\n")
    _drop(page, text)
    expect(page.locator(".message")).to_have_text(
        "<b>letter.png cannot be read as a radiograph. The file is text."
    )
    expect(page.locator("[data-decision=study]")).to_have_count(0)

    _drop(page, text, views[0])
    expect(page.locator("[data-decision=view]")).to_have_count(1)
    expect(page.get_by_text("The result below is for the other view only.")).to_be_visible()

    _drop(page, *views)
    expect(page.get_by_text("Expected at most 3 views of one study; 4 were given.")).to_be_visible()
    expect(page.locator("[data-decision=view]")).to_have_count(0)

    large = tmp_path / "large.png"
    large.write_bytes(bytes(7 * 1024 * 1024))
    _drop(page, large)
    expect(page.get_by_text("large.png exceeds that")).to_be_visible()


def test_it_fits_a_phone(page: Page, views: list[Path]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_text("Research use, not a diagnosis.").first).to_be_in_viewport()
    _drop(page, *views[:2])
    expect(page.locator("[data-decision=study]")).to_be_visible()
    page.get_by_text("Model card", exact=True).click()
    expect(page.get_by_role("heading", name="Intended use")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for part in ("h1", ".disclaimer", ".verdict", "figure", "#card"):
        box = page.locator(part).first.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_a_busy_server_is_told_and_a_new_study_replaces_the_last(
    page: Page, served: Served, views: list[Path]
) -> None:
    with decoding_is_stopped(served):
        for _ in range(2):
            _drop(page, *views[:2])
            expect(page.get_by_text("Reading 2 views")).to_be_visible()
        _drop(page, *views[:2])
        expect(page.get_by_text("The server is busy with other studies")).to_be_visible()
        _drop(page, views[2])
    expect(page.locator("[data-decision=view]")).to_have_count(1, timeout=30_000)


def test_files_that_are_dropped_are_answered(page: Page, views: list[Path]) -> None:
    data = page.evaluate_handle(
        """async (source) => {
            const data = new DataTransfer();
            const bytes = await (await fetch(source)).blob();
            data.items.add(new File([bytes], "dropped.txt"));
            return data;
        }""",
        "/page.css",
    )
    page.dispatch_event("#zone", "drop", {"dataTransfer": data})
    expect(page.locator(".message")).to_contain_text("dropped.txt cannot be read")
    assert "page.css" not in page.url


def test_a_token_is_taken_from_the_fragment_or_typed(
    browser: Browser, trained_run: Path, views: list[Path], tmp_path: Path
) -> None:
    # no heat map is waited for, so TensorFlow need not start
    delay_tensorflow(tmp_path)
    own = {"MURA_TOKEN": _TOKEN, "PYTHONPATH": python_path(tmp_path)}
    with serving(trained_run, **own) as guarded:
        context = browser.new_context()
        opened = context.new_page()
        asked: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(f"{guarded.url}/#token={_TOKEN}")
        expect(opened.get_by_role("heading", level=1)).to_have_text("Wrist: normal or abnormal?")
        assert opened.url == f"{guarded.url}/"
        _drop(opened, views[0])
        expect(opened.locator("[data-decision=study]")).to_be_visible()
        assert not any(_TOKEN in url for url in asked)

        other = browser.new_context().new_page()
        other.goto(guarded.url)
        expect(other.get_by_role("heading", level=1)).to_have_text("Normal or abnormal?")
        _drop(other, views[0])
        expect(other.get_by_text("Expected a valid bearer token.")).to_be_visible()
        other.get_by_label("This server requires an access token.").fill(_TOKEN)
        other.get_by_role("button", name="Continue").click()
        expect(other.get_by_role("heading", level=1)).to_have_text("Wrist: normal or abnormal?")


def test_predictions_are_shown_before_heat_maps_and_without_them(
    browser: Browser, trained_run: Path, views: list[Path], tmp_path: Path
) -> None:
    gate = delay_tensorflow(tmp_path)
    with serving(trained_run, PYTHONPATH=python_path(tmp_path)) as own:
        opened = browser.new_context().new_page()
        opened.goto(own.url)
        slider = opened.get_by_label("Opacity of the heat map")
        for text in ("Heat maps are being computed", "The server cannot compute heat maps"):
            _drop(opened, *views[:2])
            expect(opened.locator("[data-decision=view]")).to_have_count(2)
            expect(opened.get_by_text(text)).to_be_visible()
            expect(slider).to_be_disabled()
            gate.write_text("raise ImportError('no native code for this processor')")
            expect(opened.get_by_text("The server cannot compute heat maps")).to_be_visible()


def test_a_foreign_page_gets_nothing(browser: Browser, served: Served, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.html"
    foreign.write_text("<title>foreign</title>")
    opened = browser.new_page()
    opened.goto(foreign.as_uri())
    statuses: list[int] = []
    opened.on("response", lambda response: statuses.append(response.status))
    seen = opened.evaluate(
        """async (url) => {
            const body = new FormData();
            body.append("views", new File(["x"], "a.png"));
            const ask = (mode) => fetch(url + "/api/predict", {method: "POST", body, mode})
                .then((response) => response.type, (error) => error.name);
            return [await ask("cors"), await ask("no-cors")];
        }""",
        served.url,
    )
    assert seen in (["TypeError", "opaque"], ["TypeError", "TypeError"])
    assert set(statuses) <= {403}
