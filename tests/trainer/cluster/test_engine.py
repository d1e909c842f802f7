"""What a fit takes of a node: GPUs where there are any, or this machine's processors."""

import pytest

from shared.cluster.messages import Node, Share
from trainer.cluster.engine import choose_share
from trainer.options import CvOptions
from trainer.runs.hardware import count_usable_cores

PLAIN, WITH_GPUS = Node("a", 8, 0), Node("b", 16, 4)
HERE = count_usable_cores() or 1


@pytest.mark.parametrize(
    ("nodes", "cpus", "gpus", "devices", "share"),
    [
        ([PLAIN], None, None, 1, Share(HERE, 0)),
        ([PLAIN], 3, None, 1, Share(3, 0)),
        ([PLAIN], 3, None, 4, Share(3, 0)),
        ([PLAIN, WITH_GPUS], None, None, 1, Share(1, 1)),
        ([PLAIN, WITH_GPUS], None, None, 4, Share(1, 4)),
        ([PLAIN, WITH_GPUS], 2, None, 1, Share(2, 1)),
        ([WITH_GPUS], None, 0.5, 1, Share(1, 0.5)),
        ([WITH_GPUS], None, 3, 2, Share(1, 3)),
        ([], None, None, 1, Share(HERE, 0)),
    ],
)
def test_a_share_follows_from_the_nodes_and_the_options(
    nodes: list[Node], cpus: int | None, gpus: float | None, devices: int, share: Share
) -> None:
    options = CvOptions(engine="ray", cpus=cpus, gpus=gpus, devices=devices)
    assert choose_share(options, nodes) == share


@pytest.mark.parametrize(
    ("share", "num_fits"),
    [(Share(3, 0), 5), (Share(16, 0), 1), (Share(1, 0.5), 8), (Share(8, 1), 2)],
)
def test_a_node_has_room_for_whole_shares_only(share: Share, num_fits: int) -> None:
    assert WITH_GPUS.count(share) == num_fits
    assert PLAIN.count(Share(1, 1)) == 0
