"""What the server refuses, over raw sockets: foreign pages, paths, bombs, too much, too slow."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.trainer.serve.bombs import make_dicom_bomb, make_png_bomb
from tests.trainer.serve.server import (
    BOUNDARY,
    FORM,
    MAX_VIEWS,
    Answer,
    Served,
    ask,
    connect,
    decoding_is_stopped,
    make_form,
    predict,
    receive,
)

MEGABYTE = 1024 * 1024
REQUEST_LIMIT = 6 * MAX_VIEWS * MEGABYTE + MEGABYTE
PLAIN_FILE = ("a.txt", b"Dear colleague")


def assert_refused(answer: Answer, status: int) -> None:
    """The status, one sentence, and nothing of the server's inside."""
    assert answer.status == status, answer
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"].count(".") <= 4
    assert b"Traceback" not in answer.body
    assert answer.headers["connection"] == "close"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/dev/zero", "http://name/", "/proc/self/environ", "runs/a.png"]
)
def test_a_path_or_url_in_a_request_is_never_opened(served: Served, path: str) -> None:
    old = f'{{"data": [{{"path": "{path}", "meta": {{"_type": "gradio.FileData"}}}}]}}'.encode()
    for target in (
        "/queue/join",
        "/gradio_api/queue/join",
        "/gradio_api/run/predict",
        "/gradio_api/upload",
        "/upload",
        f"/file={path}",
        f"/gradio_api/file={path}",
        "/page.css/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "//etc/passwd",
    ):
        assert_refused(ask(served, "POST", target, old, ["Content-Type: application/json"]), 404)
        assert_refused(ask(served, "GET", target), 404)
    for target in ("/predict", "/heat-maps", "/api/predict"):
        kinds = ("application/json", "application/x-www-form-urlencoded", "text/plain", "image/png")
        for kind in kinds:
            assert_refused(ask(served, "POST", target, old, [f"Content-Type: {kind}"]), 415)
        assert_refused(ask(served, "POST", target, old), 415)
        # a field of text is no file, whatever it is called
        form = make_form(PLAIN_FILE).replace(b'; filename="a.txt"', b"")
        assert_refused(ask(served, "POST", target, form, [FORM]), 400)
        assert_refused(ask(served, "POST", target, make_form(PLAIN_FILE, name="path"), [FORM]), 400)
    answer = predict(served, (path, b"Dear colleague"))
    assert answer.json()["unread"] == [
        {
            "path": path.rstrip("/").split("/")[-1],
            "study": "study",
            "reason": "text",
            "detail": "The file is text.",
        }
    ]


def test_foreign_pages_may_not_ask(served: Served, views: list[Path]) -> None:
    form = make_form(("a.png", views[0].read_bytes()))
    own = f"127.0.0.1:{served.port}"
    for header in (
        "Origin: http://evil.example",
        "Origin: null",
        f"Origin: http://127.0.0.1:{served.port + 1}",
        f"Origin: http://localhost:{served.port}",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: unheard-of",
        f"Origin: http://{own}\r\nOrigin: http://evil.example",
    ):
        for method, path, body in (
            ("POST", "/predict", form),
            ("POST", "/heat-maps", form),
            ("POST", "/api/predict", form),
            ("GET", "/", b""),
            ("GET", "/api/model", b""),
            ("OPTIONS", "/api/predict", b""),
        ):
            answer = ask(served, method, path, body, [FORM, header], host=own)
            assert_refused(answer, 403)
            assert "access-control-allow-origin" not in answer.headers
    allowed = [FORM, f"Origin: http://{own}", "Sec-Fetch-Site: same-origin"]
    assert ask(served, "POST", "/api/predict", form, allowed, host=own).status == 200


def test_names_that_only_lead_here_are_refused(served: Served) -> None:
    for host in (
        "evil.example",
        f"evil.example:{served.port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "evil.example#127.0.0.1",
        "[::1",
        "127.0.0.1:port",
        "8.8.8.8",
        "0.0.0.0",
    ):
        assert_refused(ask(served, "GET", "/", host=host), 421)
    twice = ["Host: localhost", "Host: evil.example"]
    assert ask(served, "GET", "/", headers=twice, host="").status == 400
    assert ask(served, "GET", "/", host="").status == 400
    for host in ("127.0.0.1", f"127.0.0.1:{served.port}", "LOCALHOST:1", "[::1]:80"):
        assert ask(served, "GET", "/", host=host).status == 200


def test_methods_and_targets_that_do_not_exist(served: Served) -> None:
    for method, path in (
        ("GET", "/api/predict"),
        ("GET", "/heat-maps"),
        ("PUT", "/api/predict"),
        ("DELETE", "/predict"),
        ("POST", "/"),
        ("POST", "/api/model"),
        ("TRACE", "/"),
    ):
        assert_refused(ask(served, method, path), 405)
    assert_refused(ask(served, "GET", "/api/predict/"), 404)
    assert_refused(ask(served, "GET", "/docs"), 404)


def test_too_large_a_body_is_refused_before_it_is_read(served: Served) -> None:
    for length in (REQUEST_LIMIT + 1, 10**15):
        with connect(served) as connection:
            head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\n"
            connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
            assert_refused(receive(connection), 413)
    # without a length the bytes count
    chunk = b"100000\r\n" + bytes(MEGABYTE) + b"\r\n"
    before = served.server.memory_info().rss
    with connect(served) as connection:
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\nTransfer-Encoding: chunked"
        connection.sendall(head.encode() + b"\r\n\r\n")
        # the preamble of a form may be of any length
        with pytest.raises(OSError, match=r"reset|pipe"):
            _send_for_ever(connection, chunk)
    assert served.server.memory_info().rss - before < 100 * MEGABYTE


def _send_for_ever(connection: socket.socket, chunk: bytes) -> None:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        connection.sendall(chunk)


def test_too_many_or_too_large_views_are_refused(served: Served) -> None:
    small = ("a.png", b"x" * 100)
    assert_refused(predict(served, *[small] * (MAX_VIEWS + 1)), 413)
    assert_refused(predict(served, ("a.png", bytes(6 * MEGABYTE + 1))), 413)
    assert predict(served, ("a.png", bytes(6 * MEGABYTE))).status == 422


def test_bodies_that_are_no_form_are_refused(served: Served) -> None:
    whole = make_form(PLAIN_FILE)
    no_form = "Content-Type: multipart/form-data"
    assert_refused(ask(served, "POST", "/predict", whole, [no_form]), 400)
    assert_refused(ask(served, "POST", "/predict", whole, [f"{no_form}; boundary="]), 400)
    long = f"{no_form}; boundary={'b' * 71}"
    assert_refused(ask(served, "POST", "/predict", whole, [long]), 400)
    for body in (
        b"",
        b"Dear colleague",
        whole[:-4],
        whole[: len(whole) // 2],
        whole.replace(b"Content-Disposition", b"Content-Position"),
        whole.replace(b"form-data;", b"attachment;"),
        whole.replace(b"Content-Disposition", b"Content\0Disposition"),
        whole.replace(b"Content-Type", b"X-Many: 1\r\n" * 50 + b"Content-Type"),
        whole.replace(b"a.txt", b"a" * 100_000),
        make_form(),
        whole.replace(BOUNDARY.encode(), b"----other"),
    ):
        assert_refused(ask(served, "POST", "/predict", body, [FORM]), 400)


def test_requests_that_can_be_read_in_two_ways_are_refused(served: Served) -> None:
    body = make_form(PLAIN_FILE)
    chunked = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    both = [FORM, f"Content-Length: {len(chunked)}", "Transfer-Encoding: chunked"]
    assert_refused(ask(served, "POST", "/predict", chunked, both), 400)
    for lines in (
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: -5"],
        ["Content-Length: 0x5"],
        ["Content-Length: +5"],
        ["Transfer-Encoding: gzip, chunked"],
        ["X-Folded: a\r\n Host: evil.example"],
        ["X-Long: " + "a" * 70_000],
        ["X Y: 1"],
    ):
        answer = ask(served, "POST", "/predict", b"12345", [FORM, *lines])
        assert answer.status in (400, 431, 501, 415), (lines, answer)
    # one request a connection, so that nothing can hide behind another
    with connect(served) as connection:
        connection.sendall(2 * b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert receive(connection).status == 200
        assert connection.recv(1) == b""


def test_slow_clients_are_cut_off(served: Served) -> None:
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\nContent-Length: 9999\r\n\r\n"
    head += make_form(("a.png", b"")).decode()[: -len(BOUNDARY) - 8]

    def send_slowly(text: str, every_s: float) -> tuple[Answer, float]:
        start_s = time.monotonic()
        with connect(served) as connection:
            connection.settimeout(every_s)
            for each in [*text.split("|"), *["x"] * 100]:
                try:
                    connection.sendall(each.encode())
                    if connection.recv(1, 2):  # MSG_PEEK
                        break
                except TimeoutError:
                    continue
            connection.settimeout(10)
            return receive(connection), time.monotonic() - start_s

    slow = {
        "no byte": ("", 9.0),
        "slow header": ("GET / HTTP/1.1\r\n|X-Slow: |", 0.5),
        "idle body": (head, 9.0),
        "dripping body": (head, 0.5),
    }
    with ThreadPoolExecutor(len(slow)) as pool:
        answers = pool.map(lambda words: send_slowly(*words), slow.values())
        found = dict(zip(slow, answers, strict=True))
    assert {name: answer.status for name, (answer, _) in found.items()} == dict.fromkeys(slow, 408)
    assert all(seconds < 15 for _, seconds in found.values())
    assert ask(served, "GET", "/health").status == 200


def test_too_many_studies_at_once_are_sent_away(served: Served, views: list[Path]) -> None:
    view = ("a.png", views[0].read_bytes())
    with ThreadPoolExecutor(2) as pool, decoding_is_stopped(served):
        waiting = [pool.submit(predict, served, view) for _ in range(2)]
        time.sleep(1)
        answer = predict(served, view)
        assert_refused(answer, 429)
        assert int(answer.headers["retry-after"]) > 0
        assert ask(served, "GET", "/health").status == 200
        assert not any(each.done() for each in waiting)
    assert [each.result().status for each in waiting] == [200, 200]


def test_a_view_that_takes_too_long_is_refused(served: Served, views: list[Path]) -> None:
    view = ("a.png", views[0].read_bytes())
    before = served.decoders
    with decoding_is_stopped(served):
        answer = predict(served, view)
    assert answer.status == 422
    assert answer.json()["unread"][0]["reason"] == "too_slow"
    assert predict(served, view).status == 200
    assert served.decoders != before


def test_a_decoder_that_dies_costs_no_more_than_its_view(served: Served, views: list[Path]) -> None:
    view = ("a.png", views[0].read_bytes())
    _kill_decoders(served)
    assert predict(served, view).status == 200
    with ThreadPoolExecutor(1) as pool, decoding_is_stopped(served):
        waiting = pool.submit(predict, served, view)
        time.sleep(0.5)
        _kill_decoders(served)
        answer = waiting.result()
    assert answer.json()["unread"][0]["reason"] == "too_large"
    assert predict(served, view).status == 200


def _kill_decoders(served: Served) -> None:
    for decoder in (decoders := served.decoders):
        decoder.kill()
    psutil.wait_procs(decoders, timeout=5)


@pytest.mark.parametrize(
    ("sent", "label"),
    [
        ("../../etc/passwd", "passwd"),
        ("/etc/shadow", "shadow"),
        ("C:\\Users\\someone\\x.png", "x.png"),
        ("C:\\\\x", "x"),
        ("..", ".."),
        ("/", "unnamed"),
        ("", "unnamed"),
        ("a\0b.png", "a\\x00b.png"),
        ("a\x1b[31mred.png", "a\\x1b[31mred.png"),
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("x" * 300, "x" * 99 + "…"),
    ],
)
def test_a_file_name_is_only_a_label(served: Served, sent: str, label: str) -> None:
    answer = predict(served, (sent, b"Dear colleague"))
    if answer.status == 400:  # a form may not have such bytes in a header
        assert set(sent) & {"\0", "\x1b"}
        return
    assert answer.json()["unread"][0]["path"] == label
    page = ask(served, "POST", "/predict", make_form((sent, b"Dear colleague")), [FORM])
    assert b"<img" not in page.body
    assert b"colleague" not in page.body + answer.body


def test_bombs_are_refused_and_take_no_memory_of_the_server(
    served: Served, views: list[Path]
) -> None:
    before = served.server.memory_info().rss
    answer = predict(served, ("bomb.png", make_png_bomb()))
    assert answer.json()["unread"][0]["reason"] == "too_large"
    bomb = make_dicom_bomb()
    assert len(bomb) < 6 * MEGABYTE
    answer = ask(served, "POST", "/api/predict", make_form(("bomb.dcm", bomb)), [FORM])
    assert answer.status == 422
    assert answer.json()["unread"][0]["reason"] in ("too_large", "too_slow", "corrupt")
    assert served.server.memory_info().rss - before < 300 * MEGABYTE
    assert predict(served, ("a.png", views[0].read_bytes())).status == 200
