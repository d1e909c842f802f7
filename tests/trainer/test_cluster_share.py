"""What a fit takes of a node: a GPU where there are any, or this machine's processors."""

import pytest

from shared.cluster.messages import Node, Share
from trainer.cluster.share import choose_share
from trainer.hardware import count_usable_cores
from trainer.options import CvOptions

PLAIN, WITH_GPUS = Node("a", 8, 0), Node("b", 16, 4)
HERE = count_usable_cores() or 1


@pytest.mark.parametrize(
    ("nodes", "cpus", "gpus", "share"),
    [
        ([PLAIN], None, None, Share(HERE, 0)),
        ([PLAIN], 3, None, Share(3, 0)),
        ([PLAIN, WITH_GPUS], None, None, Share(1, 1)),
        ([PLAIN, WITH_GPUS], 2, None, Share(2, 1)),
        ([WITH_GPUS], None, 0.5, Share(1, 0.5)),
        ([], None, None, Share(HERE, 0)),
    ],
)
def test_a_share_follows_from_the_nodes_and_the_options(
    nodes: list[Node], cpus: int | None, gpus: float | None, share: Share
) -> None:
    assert choose_share(CvOptions(engine="ray", cpus=cpus, gpus=gpus), nodes) == share


@pytest.mark.parametrize(
    ("share", "num_fits"),
    [(Share(3, 0), 5), (Share(16, 0), 1), (Share(1, 0.5), 8), (Share(8, 1), 2)],
)
def test_a_node_has_room_for_whole_shares_only(share: Share, num_fits: int) -> None:
    assert WITH_GPUS.count(share) == num_fits
    assert PLAIN.count(Share(1, 1)) == 0
