"""The process pool and the executor that an ingest opens: every task once, or one clear error."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ingest.options import IngestOptions
from ingest.write.executor import open_executor
from ingest.write.process_pool import Pool
from shared.errors import LakeError, WorkerError
from tests.ingest.processes import is_alive, wait_until, workers_of
from tests.ingest.write import pool_tasks

TASKS = "tests.ingest.write.pool_tasks"


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Two workers, started."""
    with Pool(2, imports=TASKS) as started:
        started.start()
        yield started


def _workers() -> list[int]:
    return workers_of(os.getpid())


def _await_workers(number: int) -> list[int]:
    """Return the workers, once there are as many: a new process has the old command line."""
    wait_until(lambda: len(_workers()) == number)
    return _workers()


def test_more_tasks_than_workers_are_each_done_once(pool: Pool) -> None:
    results = list(pool.map(pool_tasks.double, range(100)))
    assert sorted(results) == [(index, 2 * index) for index in range(100)]
    processes = {process for _, process in pool.map(pool_tasks.own_process, range(100))}
    assert processes <= {*_workers()}
    assert os.getpid() not in processes


def test_no_tasks_give_no_results(pool: Pool) -> None:
    assert list(pool.map(pool_tasks.double, [])) == []


def test_one_worker_keeps_the_order() -> None:
    with Pool(1, imports=TASKS) as pool:
        pool.start()
        results = list(pool.map(partial(pow, 3), range(20)))
    assert results == [(index, 3**index) for index in range(20)]


def test_results_come_as_they_are_ready(pool: Pool, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    results = pool.map(pool_tasks.wait_for, [gate, None, None])
    assert [next(results)[0], next(results)[0]] == [1, 2]
    gate.touch()
    assert [index for index, _ in results] == [0]


def test_tasks_are_taken_one_by_one(pool: Pool) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    results = pool.map(pool_tasks.double, tasks())
    for num_results, _ in enumerate(results, 1):
        assert len(taken) <= num_results + 2
    assert taken == list(range(50))


def test_no_more_processes_are_started_than_there_are_tasks() -> None:
    with Pool(3, imports=TASKS) as pool:
        pool.start(num_tasks=1)
        first = _await_workers(1)
        pool.start(num_tasks=2)
        both = _await_workers(2)
        assert {*first} < {*both}
        processes = {process for _, process in pool.map(pool_tasks.own_process, range(20))}
        assert processes <= {*both}
    assert not _workers()


def test_the_exception_of_a_task_ends_the_pool(pool: Pool) -> None:
    with pytest.raises(LakeError, match="the number 3") as raised:
        list(pool.map(pool_tasks.refuse, range(10)))
    # the traceback of the worker says where it was raised
    assert "in refuse" in str(raised.value.__cause__)
    assert not _workers()


@pytest.mark.parametrize(
    ("task", "argument", "message"),
    [
        (pool_tasks.die_by, signal.SIGKILL, "Expected memory .*exit status -9, workers=2"),
        (pool_tasks.die_by, signal.SIGSEGV, "Expected a live process .*exit status -11, workers=2"),
        (pool_tasks.run_out_of_memory, 0, "Expected memory .*out of memory, workers=2"),
    ],
)
def test_a_worker_that_dies_is_a_worker_error(
    pool: Pool, task: Callable[[Any], Any], argument: int, message: str
) -> None:
    with pytest.raises(WorkerError, match=f"{message}; finished work is kept"):
        list(pool.map(task, [argument]))
    assert not _workers()


def test_a_worker_that_died_while_it_waited_is_a_worker_error(pool: Pool) -> None:
    victim = _await_workers(2)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not is_alive(victim))
    with pytest.raises(WorkerError, match="exit status -9"):
        list(pool.map(pool_tasks.double, range(10)))
    assert not _workers()


def test_closing_early_kills_workers_in_the_midst_of_a_task(pool: Pool, tmp_path: Path) -> None:
    busy = tmp_path / "busy"
    tasks: list[partial[Any]] = [
        partial(pool_tasks.double, 21),
        partial(pool_tasks.work_forever, busy),
    ]
    results = pool.map(partial.__call__, tasks)
    assert next(results) == (0, 42)
    wait_until(busy.exists)
    assert is_alive(worker := int(busy.read_text()))
    results.close()
    assert not is_alive(worker)
    assert not _workers()


def test_the_block_ends_the_workers_of_an_executor() -> None:
    with open_executor(IngestOptions("tree", workers=2)) as executor:
        assert not executor.is_remote
        executor.start(num_tasks=5)
        _await_workers(2)
        assert sorted(executor.map(pool_tasks.double, [4, 5])) == [(0, 8), (1, 10)]
    assert not _workers()
