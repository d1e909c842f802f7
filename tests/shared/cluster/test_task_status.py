"""A board keeps how the tasks stand that run, and no others."""

from shared.cluster.task_status import Board, Status


def test_tasks_that_have_ended_are_forgotten_also_if_they_are_heard_of_late() -> None:
    board = Board()
    for number in range(3):
        board.begin(number, "a")
    board.say(1, "epoch 2")
    board.begin(1, "b")
    assert board.read({0, 1, 2}, 3) == {0: Status("a", 1), 1: Status("b", 2), 2: Status("a", 1)}
    assert board.read({1}, 2) == {1: Status("b", 2), 2: Status("a", 1)}
    board.say(0, "answering")
    assert board.read({1}, 3) == {1: Status("b", 2)}
