"""Ray driver process, which relays tasks and results between the main process and the nodes."""

import os
import queue
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from shared.cluster.messages import Done, Failed, Submission
from shared.cluster.remote_task import run_task
from shared.cluster.task_status import Board
from shared.cluster.watch import Watch, import_ray
from shared.processes.child import let_signals_through
from shared.processes.null_device import discard

# title of the node processes while they run a task
TASK_NAME = "mura-lake"

_MAX_RETRIES = 3
_WAIT_S, _CANCEL_S = 0.05, 1.5


def drive(connection: Any, address: str, processors: int, has_board: bool) -> None:
    """Relay tasks, results, node lists and statuses until the other end closes the connection.

    Args:
        address: address of the cluster; empty to start one that ends with this process.
        has_board: send task statuses too.
    """
    let_signals_through()
    # also the output of Ray's C++ code, which Ray logs itself
    discard(1, 2)
    outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    sender = threading.Thread(target=_send_all, args=(connection, outbox), daemon=True)
    sender.start()
    try:
        _connect(address, processors)
        _relay(connection, outbox.put, has_board=has_board)
    except (EOFError, ConnectionResetError):
        pass
    except Exception as error:
        outbox.put(Failed(_in_one_line(error)))
    finally:
        # a separate thread sends, so that the two ends never block on each other's full pipe
        outbox.put(None)
        sender.join(_CANCEL_S)


def _send_all(connection: Any, outbox: "queue.SimpleQueue[Any]") -> None:
    try:
        while (message := outbox.get()) is not None:
            connection.send(message)
    except OSError:
        # the other end has closed, which the receiving thread detects too
        pass


def _connect(address: str, processors: int) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # `just` starts commands by `uv run`, and Ray would start the tasks by `uv run` too, without the
    # packages of this environment
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
    ray = import_ray()
    if address:
        ray.init(address, log_to_driver=False)
    else:
        _disable_reports()
        ray.init("local", num_cpus=processors, include_dashboard=False, log_to_driver=False)


def _disable_reports() -> None:
    # to report usage statistics, the API server queries the metadata services of cloud providers,
    # and starts even if the statistics are disabled
    def start_nothing(*_: Any, **__: Any) -> None:
        pass

    node: Any = import_module("ray._private.node").Node
    node.start_api_server = start_nothing


def _relay(connection: Any, send: Callable[[Any], None], *, has_board: bool) -> None:
    ray = import_ray()
    run = ray.remote(run_task)
    board = ray.remote(Board).options(num_cpus=0, max_restarts=-1).remote() if has_board else None
    running: dict[Any, int] = {}
    num_submitted = 0
    watch = Watch(board, send)
    try:
        while True:
            watch.poll(set(running.values()), num_submitted)
            while connection.poll(0 if running else _WAIT_S):
                submission: Submission = connection.recv()
                share = {"num_cpus": submission.share.cpus, "num_gpus": submission.share.gpus}
                task = run.options(max_retries=_MAX_RETRIES, name=TASK_NAME, **share)
                running[task.remote(submission, board)] = submission.number
                num_submitted = submission.number + 1
            if running:
                done, _ = ray.wait(list(running), timeout=_WAIT_S)
                for ref in done:
                    send(Done(running.pop(ref), *_result_of(ref)))
    finally:
        for ref in running:
            ray.cancel(ref, force=True)
        if running:
            cancelled = list(running)
            ray.wait(cancelled, num_returns=len(running), timeout=_CANCEL_S, fetch_local=False)
        ray.shutdown()


def _result_of(ref: Any) -> Any:
    ray = import_ray()
    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        # exceptions of the task are part of its result, so the node failed to load the task
        raise ImportError(f"a node cannot run this project, {_lines(error)[-1]}") from None


def _in_one_line(error: Exception) -> str:
    if isinstance(error, ImportError):
        return str(error)
    return ", ".join([type(error).__name__, *_lines(error)[:1]])


def _lines(error: Exception) -> list[str]:
    return [line.strip() for line in str(error).splitlines() if line.strip()]
