"""Published weights are downloaded once, whole or not at all; without a network a line says so."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from shared.errors import WeightsError
from trainer.models.networks.download import PublishedWeights

CONTENT = bytes(range(256)) * 10_000
MD5 = hashlib.md5(CONTENT).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/absent.h5" else 200)
        self.send_header("Content-Length", str(len(CONTENT) + self.path.startswith("/cut")))
        self.end_headers()
        if self.path != "/absent.h5":
            self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002  # its name


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_is_kept_where_keras_keeps_it_and_not_asked_for_again(
    url: str, tmp_path: Path
) -> None:
    path = PublishedWeights(f"{url}/some/weights.h5", MD5).find()
    assert path == tmp_path / "models" / "weights.h5"
    assert path.read_bytes() == CONTENT
    assert PublishedWeights("http://127.0.0.1:9/weights.h5", MD5).find() == path
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=f"Expected the MD5 {MD5}"):
        PublishedWeights(f"{url}/some/weights.h5", MD5).find()


@pytest.mark.parametrize("md5", [None, MD5])
@pytest.mark.parametrize("file", ["cut.h5", "absent.h5"])
def test_a_failed_download_leaves_nothing(
    url: str, file: str, md5: str | None, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match="weights=none") as caught:
        PublishedWeights(f"{url}/{file}", md5).find()
    assert str(tmp_path / "models" / file) in str(caught.value)
    assert not (tmp_path / "models").exists()


def test_another_file_than_the_published_one_is_not_kept(url: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="Expected the MD5 0000"):
        PublishedWeights(f"{url}/weights.h5", "0000").find()
    assert not (tmp_path / "models").exists()
