"""Multiply-adds and parameters against the tables of the MobRecon paper."""

import pytest
from support.network_parts import made_up_levels

from handmesh_training.networks import Count, MobRecon, NetworkConfig, count_parts

LEVELS = made_up_levels()


def counts(encoder: str, decoder: str = "dsconv") -> dict[str, Count]:
    return count_parts(MobRecon(NetworkConfig(encoder=encoder, decoder=decoder), LEVELS))


@pytest.mark.parametrize(
    ("encoder", "decoder", "part", "mult_adds_m", "parameters_m"),
    [
        ("dense", "dsconv", "encoder", 373.0, 6.6),
        ("dense", "dsconv", "decoder", 19.5, 0.1),
        ("dense", "spiral", "decoder", 159.0, 1.0),
        ("dense", "dsconv", "total", 439.9, 8.1),
        ("dense", "spiral", "total", 579.4, 9.0),
    ],
)
def test_published_networks_have_exactly_the_counts_of_the_paper(
    encoder: str, decoder: str, part: str, mult_adds_m: float, parameters_m: float
) -> None:
    count = counts(encoder, decoder)[part]
    # The paper prints one decimal, and cuts 8.168 M to 8.1 and 579.48 M to 579.4.
    assert count.multiply_adds / 1e6 == pytest.approx(mult_adds_m, abs=0.1)
    assert count.parameters / 1e6 == pytest.approx(parameters_m, abs=0.1)


@pytest.mark.parametrize(
    ("encoder", "decoder", "part", "mult_adds_m", "parameters_m"),
    [
        ("ghost", "dsconv", "encoder", 96.2, 5.0),
        ("ghost", "dsconv", "total", 123.5, 5.3),
        ("ghost", "spiral", "total", 263.1, 6.2),
        ("resnet18", "dsconv", "encoder", 2391.3, 25.2),
    ],
)
def test_unpublished_encoders_come_within_three_percent_of_the_paper(
    encoder: str, decoder: str, part: str, mult_adds_m: float, parameters_m: float
) -> None:
    count = counts(encoder, decoder)[part]
    assert count.multiply_adds / 1e6 == pytest.approx(mult_adds_m, rel=0.03)
    assert count.parameters / 1e6 == pytest.approx(parameters_m, rel=0.03)


def test_counting_leaves_the_network_as_it_was() -> None:
    network = MobRecon(NetworkConfig(encoder="ghost"), LEVELS).train()
    first = count_parts(network)
    assert network.training
    assert count_parts(network) == first
