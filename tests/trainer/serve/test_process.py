"""The server as a process: it writes no file, asks nobody, leaks nothing, and stops at once."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.commands import PROJECT, call, run
from tests.trainer.serve.server import (
    FORM,
    Served,
    ask,
    connect,
    decoding_is_stopped,
    explain,
    make_form,
    predict,
    serving,
)
from tests.trainer.slow_tensorflow import delay_tensorflow, python_path

pytestmark = pytest.mark.slow

MEGABYTE = 1024 * 1024


def test_it_listens_on_this_machine_only(served: Served) -> None:
    listening = {
        connection.laddr.ip
        for connection in served.server.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    page = ask(served, "GET", "/").body.decode()
    assert set(re.findall(r"https?://[\w.-]+|//[\w.-]+", page)) == set()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("num_turns", [70, pytest.param(200, marks=pytest.mark.benchmark)])
def test_memory_and_descriptors_stay_flat_over_hundreds_of_requests(
    served: Served, views: list[Path], num_turns: int
) -> None:
    view = ("a.png", views[0].read_bytes())
    text = ("a.txt", b"Dear colleague")
    refused = (["Origin: http://evil.example"], ["Host: evil.example"])

    def ask_some(number: int) -> None:
        for turn in range(number):
            assert predict(served, view).status == 200
            assert explain(served, view).status == 200
            assert predict(served, text).status == 422
            assert ask(served, "GET", "/").status == 200
            assert ask(served, "POST", "/predict", b"no form", [FORM]).status == 400
            assert ask(served, "GET", "/", headers=refused[turn % 2]).status in (400, 403, 421)

    def measure() -> list[tuple[int, int]]:
        # decoders are replaced after 200 files, and started when they are needed
        assert predict(served, view).status == 200
        return [
            (max(each.memory_info().rss for each in group), max(each.num_fds() for each in group))
            for group in ([served.server], served.decoders)
        ]

    ask_some(30)
    before = measure()
    ask_some(num_turns)
    for (rss_before, fds_before), (rss, num_fds) in zip(before, measure(), strict=True):
        assert rss - rss_before < 24 * MEGABYTE
        assert num_fds <= fds_before + 1


def test_many_idle_connections_do_not_keep_others_out_for_long(served: Served) -> None:
    before = served.server.num_fds()
    idle = [connect(served) for _ in range(200)]
    time.sleep(0.5)
    assert served.server.num_fds() - before <= 130
    time.sleep(4)
    assert ask(served, "GET", "/health").status == 200
    for each in idle:
        each.close()


def test_it_stops_at_once_while_it_starts(trained_run: Path) -> None:
    process = subprocess.Popen(
        ["mura-serve", f"run={trained_run}", "port=0"],
        executable=shutil.which("mura-serve", path=str(PROJECT / ".venv" / "bin")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert "serving " in process.stdout.readline()
    start_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - start_s < 4
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "serve: interrupted; the server has stopped"


def test_it_stops_at_once_while_tensorflow_starts_and_a_study_is_read(
    trained_run: Path, views: list[Path], tmp_path: Path
) -> None:
    delay_tensorflow(tmp_path)
    with serving(trained_run, PYTHONPATH=python_path(tmp_path)) as own:
        assert own.process.stderr
        assert own.process.stderr.readline() == "starting TensorFlow, which computes heat maps\n"
        said = stop_while_a_study_is_read(own, views[0], signal.SIGTERM)
        assert own.process.returncode == 143, said
        assert said == "serve: terminated; the server has stopped\n"


def test_it_connects_to_nobody_and_writes_no_file(
    trained_run: Path, views: list[Path], tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    _require_strace()
    calls = "trace=connect,sendto,sendmsg,open,openat,creat,mkdir,mkdirat,rename,renameat2"
    tracer = ("strace", "-f", "--seccomp-bpf", "-qq", "-s", "200", "-e", calls, "-o", str(trace))
    with serving(trained_run, before=tracer) as own:
        content = views[0].read_bytes()
        assert explain(own, ("a.png", content)).status == 200
        start = trace.stat().st_size
        assert predict(own, ("a.png", content), ("b.png", bytes(3 * MEGABYTE))).status == 200
        form = make_form(("http://name/a.png", content), ("/dev/zero", content))
        for path in ("/predict", "/heat-maps"):
            assert ask(own, "POST", path, form, [FORM]).status == 200
        assert ask(own, "GET", "/card").status == 200
        own.server.send_signal(signal.SIGINT)
        own.process.wait(timeout=30)
    lines = trace.read_text(errors="replace").splitlines()
    connected = [line for line in lines if "connect(" in line and "AF_INET" in line]
    assert connected == []
    after = trace.read_bytes()[start:].decode(errors="replace").splitlines()
    assert after
    written = [line for line in after if re.search(r"O_WRONLY|O_RDWR|O_CREAT|creat\(|mkdir", line)]
    assert [line for line in written if "/dev/null" not in line] == []
    opened = "\n".join(line for line in after if "open" in line)
    assert "/dev/zero" not in opened
    assert "a.png" not in opened


def _require_strace() -> None:
    if not shutil.which("strace") and shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "--no-install-recommends", "strace"]):
            subprocess.run(["apt-get", "-q", *words], env=environment, capture_output=True)
    if not shutil.which("strace"):
        pytest.skip("no strace, and none can be installed")
    probe = subprocess.run(["strace", "-f", "-qq", "true"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"strace cannot trace here: {probe.stderr.strip()}")


def test_a_port_in_use_is_one_line(trained_run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("mura-serve", f"run={trained_run}", f"port={port}")
    assert result.returncode == 1
    assert result.stderr.startswith("serve: Expected an address of this machine and a free port")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "python_multipart", "markdown_it"])
def test_a_package_that_is_missing_is_asked_for(
    trained_run: Path, tmp_path: Path, package: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules['{package}'] = None")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(PROJECT)])}
    result = run("mura-serve", f"run={trained_run}", environment=environment)
    assert result.returncode == 1
    assert "pip install 'mura-lake[serve]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_model_that_cannot_be_loaded_ends_the_server(trained_run: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(trained_run, tmp_path / "run")
    (damaged / "model.tflite").write_bytes(b"no model")
    result = run("mura-serve", f"run={damaged}", "port=0")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("serve: Expected")


@pytest.mark.parametrize(
    ("words", "token", "said"),
    [
        (["host=0.0.0.0"], "", "open=yes"),
        (["host=::"], "", "open=yes"),
        (["host="], "", "open=yes"),
        (["host=192.0.2.1"], "", "open=yes"),
        (["token=short"], "", "16 characters"),
        ([], "short", "16 characters"),
        (["token=has spaces in its text"], "", "16 characters"),
    ],
)
def test_others_are_let_in_only_on_purpose(
    words: Sequence[str], token: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MURA_TOKEN", token)
    result = call("mura-serve", *words)
    assert result.returncode == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_open_yes_lets_others_in_by_address_but_not_by_a_foreign_name_until_ctrl_c(
    trained_run: Path, views: list[Path]
) -> None:
    with serving(trained_run, "host=0.0.0.0", "open=yes") as own:
        assert ask(own, "GET", "/", host="192.0.2.1:80").status == 200
        assert ask(own, "GET", "/", host=f"{socket.gethostname()}:80").status == 200
        assert ask(own, "GET", "/", host="evil.example").status == 421
        # the import of TensorFlow's native code cannot be interrupted
        assert explain(own, ("a.txt", b"Dear colleague")).status == 200
        said = stop_while_a_study_is_read(own, views[0], signal.SIGINT)
        assert own.process.returncode == 130
        assert said.splitlines() == [
            "starting TensorFlow, which computes heat maps",
            "serve: interrupted; the server has stopped",
        ]


def stop_while_a_study_is_read(served: Served, view: Path, number: signal.Signals) -> str:
    """Return what the server has printed to standard error."""
    with ThreadPoolExecutor(1) as pool, decoding_is_stopped(served):
        asked = pool.submit(predict, served, ("a.png", view.read_bytes()))
        time.sleep(0.5)
        children = served.server.children()
        start_s = time.monotonic()
        served.process.send_signal(number)
        _, said = served.process.communicate(timeout=30)
        assert time.monotonic() - start_s < 2
        psutil.wait_procs(children, timeout=5)
        assert not any(child.is_running() for child in children)
        with contextlib.suppress(ConnectionResetError):
            assert asked.result().status in (0, 500)
    return said
