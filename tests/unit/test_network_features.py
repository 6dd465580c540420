"""Features of the networks that read counts, and the layers that use them."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from neuropipe.decoders.networks.attention import GatedBlock
from neuropipe.decoders.networks.features import N_LEVELS, CountFeatures, LevelFeatures, ScaledFeatures
from neuropipe.decoders.networks.initialisation import build
from neuropipe.decoders.pooling import cumulate
from neuropipe.decoders.spatiotemporal_transformer import UnitAttention
from neuropipe.decoders.token_transformer import CountTokens

EDGES = (2, 5, 8)


@pytest.fixture
def counts():
    return np.random.default_rng(0).poisson(0.4, (50, 10, 7))


def coarse(counts, edges=EDGES):
    return np.stack([counts[:, start:stop].sum(1) for start, stop in pairwise(edges)], 1)


def test_levels_say_whether_a_count_is_at_least_1_2_3_4(counts):
    features = LevelFeatures.learn(cumulate(counts), EDGES, 1.0, 3)
    factor = ScaledFeatures.learn(cumulate(counts), EDGES, 1.0, 3).scaling.factor
    transformed = features.transform(cumulate(counts)).reshape(50, 2, N_LEVELS, 7)
    for level in range(N_LEVELS):
        reached = (coarse(counts) > level).astype(float)
        expected = (reached - reached.mean((0, 1))) * factor
        np.testing.assert_allclose(transformed[:, :, level], expected, atol=1e-12)


def test_levels_add_up_to_scaled_counts_and_share_their_components(counts):
    few = np.minimum(counts, 1)  # no more than 3 in a coarse bin
    levels, plain = (kind.learn(cumulate(few), EDGES, 1.0, 3) for kind in (LevelFeatures, ScaledFeatures))
    added = levels.transform(cumulate(few)).reshape(50, 2, N_LEVELS, 7).sum(2)
    np.testing.assert_allclose(added, plain.transform(cumulate(few)), atol=1e-12)
    assert torch.equal(levels.components, plain.components)


def test_counts_are_unscaled_and_shifted(counts):
    features = CountFeatures.learn(cumulate(counts), EDGES, 1.0, 3)
    np.testing.assert_array_equal(features.transform(cumulate(counts)), coarse(counts))
    np.testing.assert_array_equal(features.transform(cumulate(counts), shift=1), coarse(counts, (3, 6, 9)))
    np.testing.assert_array_equal(features.transform(cumulate(counts), shift=3), coarse(counts, (5, 8, 10)))


def test_the_average_spike_has_no_components(counts):
    features = CountFeatures.learn(cumulate(counts), EDGES, 1.0, 3)
    total = torch.from_numpy(coarse(counts).sum((0, 1)).astype(np.float32))
    np.testing.assert_allclose(total @ features.components / total.sum(), 0, atol=1e-5)


@pytest.mark.parametrize("kind", [CountFeatures, LevelFeatures])
def test_silent_units_give_no_components_and_zeros(kind):
    features = kind.learn(cumulate(np.zeros((4, 10, 3))), EDGES, 1.0, 3)
    assert torch.equal(features.components, torch.zeros(3, 1))
    assert not features.transform(cumulate(np.zeros((4, 10, 3)))).any()


def test_more_spikes_never_lower_the_value_of_a_count():
    network = build(lambda: CountTokens(3, 2, 2, 8, 0.0), torch.Generator().manual_seed(0))
    values = network.values().detach()
    torch.testing.assert_close(values, torch.ones_like(values), atol=0.1, rtol=0)
    with torch.no_grad():
        network.steps.fill_(-50)
    assert (network.values() > 0).all()


def test_even_attention_returns_principal_components():
    generator = torch.Generator().manual_seed(0)
    pooling = build(lambda: UnitAttention(3, 16), generator)
    scaled, axes = torch.randn(4, 2, 20, generator=generator) / 20**0.5, torch.randn(20, 3, generator=generator)
    with torch.no_grad():
        pooling.count_queries.zero_()
        pooling.unit_queries.zero_()
        expected = pooling.values(scaled @ axes)
        torch.testing.assert_close(pooling(scaled, axes), expected, atol=1e-5, rtol=1e-5)


def test_attention_can_pick_one_unit():
    """A query that matches one unit far better than all others reads that unit's count alone."""
    generator = torch.Generator().manual_seed(0)
    pooling = build(lambda: UnitAttention(2, 16), generator)
    axes = torch.tensor([[0.0, 1.0]] * 9 + [[1.0, 0.0]])
    counts = torch.randn(4, 3, 10, generator=generator)
    with torch.no_grad():
        pooling.count_queries.zero_()
        pooling.unit_queries.copy_(torch.tensor([100.0, 0.0]).expand(8, 2))
        chosen = 10 * counts[..., 9:] * pooling.values.weight[:, 0] + pooling.values.bias
        torch.testing.assert_close(pooling(counts, axes), chosen)


def test_gated_blocks_start_closed_and_every_gain_learns():
    block = build(lambda: GatedBlock(8, 0.0), torch.Generator().manual_seed(0))
    tokens = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(block(tokens), tokens)
    block(tokens).square().sum().backward()
    for gain in (block.attention_gain, block.perceptron_gain):
        assert (gain.grad.abs() > 0).all()
