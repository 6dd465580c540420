"""Networks that learn to deconvolve: what they learn on simulated cells holds on others, and comes back from disk."""

import numpy as np
import pytest

from neuropipe import calcium
from neuropipe.calcium.learned import OF_OASIS, Learned, like
from neuropipe.calcium.learned_likeness import likeness
from neuropipe.calcium.learned_network import read_network
from neuropipe.calcium.learned_training import GroundTruth, Target, train
from neuropipe.calcium.oasis import Oasis
from neuropipe.calcium.scores import score
from neuropipe.errors import BadInput

RATE, SECONDS = 25.0, 60.0


def recording(
    seed: int, frame_rate: float = RATE, *, shift: float = 0.0, noise: float = 0.1, decay: float = 0.5
) -> GroundTruth:
    """Three cells with transients that decay in `decay` s, `shift` s after their spikes."""
    rng = np.random.default_rng(seed)
    times = 0.5 / frame_rate + np.arange(int(SECONDS * frame_rate)) / frame_rate
    trains = [np.sort(rng.uniform(1, SECONDS - 1, 60)) for _ in range(3)]
    since = [times[:, None] - train - shift for train in trains]
    dff = np.stack([np.where(s > 0, np.exp(-s.clip(0) / decay), 0).sum(1) for s in since], axis=1)
    dff += noise * np.sqrt(frame_rate / RATE) * rng.standard_normal(dff.shape)
    return GroundTruth(dff, times, np.concatenate(trains), np.arange(4) * 60, f"set {seed}", f"session {seed}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return train([recording(seed) for seed in range(4)], tmp_path_factory.mktemp("networks"), seeds=(0, 1), n_steps=60)


# Between 30 and 25 Hz frames are shared out in parts, which smooths noise away: the trace looks cleaner than it is.
@pytest.mark.parametrize(("frame_rate", "most_bias"), [(25.0, 0.25), (30.0, 0.35), (100.0, 0.25)])
def test_spikes_of_unseen_cells_are_found_in_number_and_time(folder, frame_rate, most_bias):
    unseen = recording(9, frame_rate)
    events = calcium.deconvolve(unseen.dff, frame_rate, "learned", folder=str(folder))
    table = score(events, unseen.frame_times, unseen.spike_times, unseen.spike_offsets, smoothings=(0.08,))
    assert table.correlation.min() > 0.85
    assert abs(table.bias.mean()) < most_bias
    assert table.lag.abs().max() < 0.03


def test_the_delay_of_an_indicator_is_learned(folder, tmp_path):
    late = [recording(seed, shift=0.2) for seed in range(4)]
    networks = train(late, tmp_path, seeds=(0,), n_steps=60)
    unseen = recording(9, shift=0.2)
    lag = {}
    for name, where in {"trained on it": networks, "not": folder}.items():
        events = calcium.deconvolve(unseen.dff, RATE, "learned", folder=str(where))
        table = score(events, unseen.frame_times, unseen.spike_times, unseen.spike_offsets, smoothings=(0.08,))
        lag[name] = table.lag.mean()
    assert lag["trained on it"] == pytest.approx(0, abs=0.04)
    assert lag["not"] == pytest.approx(0.2, abs=0.04)


def test_scaling_and_an_offset_change_nothing(folder):
    dff = recording(9).dff
    events = calcium.deconvolve(dff, RATE, "learned", folder=str(folder))
    assert calcium.deconvolve(7 * dff + 2, RATE, "learned", folder=str(folder)) == pytest.approx(events, abs=1e-5)


def test_events_are_an_average_with_oasis_of_as_many_spikes_as_the_networks_find(folder):
    dff, networks = recording(9).dff, Learned(folder=str(folder))
    each = networks.by_networks(dff, RATE)
    assert each.shape == (2, *dff.shape)
    events, uncertainty = networks.deconvolve_with_uncertainty(dff, RATE)
    assert events.sum(0) == pytest.approx(each.mean(0).sum(0), rel=1e-5)
    other = like(each.mean(0), Oasis().deconvolve(dff, RATE), RATE)
    both = (1 - OF_OASIS) * each.mean(0) + OF_OASIS * other
    scale = each.mean(0).sum(0) / both.sum(0)
    assert events == pytest.approx(scale * both, abs=1e-6)
    squares = np.stack([(each[0] - both) ** 2, (each[1] - both) ** 2, (other - both) ** 2])
    weights = np.array([(1 - OF_OASIS) / 2, (1 - OF_OASIS) / 2, OF_OASIS])
    assert uncertainty == pytest.approx(scale * np.sqrt(np.tensordot(weights, squares, 1)), abs=1e-6)


def test_other_events_are_moved_and_scaled_to_those_of_the_networks():
    rates = np.zeros((200, 2))
    rates[[40, 90, 150], 0] = 1.0
    late = np.roll(7 * rates, 3, axis=0)
    assert like(rates, late, RATE) == pytest.approx(rates)
    too_late = np.roll(rates, 20, axis=0)
    assert not np.allclose(like(rates, too_late, RATE), rates), "no indicator is so slow to begin"


def test_data_sets_that_are_alike_are_told_by_their_traces():
    rng = np.random.default_rng(0)
    known = rng.standard_normal((60, 4)) + np.repeat([[0, 0, 0, 0], [4, 0, 0, 0], [0, 4, 0, 0]], 20, axis=0)
    shares = likeness(known, np.repeat([0, 1, 2], 20), rng.standard_normal((10, 4)) + np.array([4, 0, 0, 0]))
    assert shares.sum() == pytest.approx(1)
    assert shares[1] > 2 * (shares[0] + shares[2])
    slow, fast = (Target.of([recording(3, 100.0, decay=decay)], RATE).traits for decay in (1.5, 0.3))
    assert slow[:, 5].min() > fast[:, 5].max(), "how long a trace remembers"


def test_what_was_trained_is_kept_and_told(folder, tmp_path):
    before = (folder / "network-0.safetensors").stat().st_mtime_ns
    told = []
    train(
        [recording(seed) for seed in range(4)], folder, seeds=(0, 1), n_steps=60, follow=lambda *step: told.append(step)
    )
    assert told == []
    assert (folder / "network-0.safetensors").stat().st_mtime_ns == before
    train([recording(0), recording(1)], tmp_path, seeds=(7,), n_steps=50, follow=lambda *step: told.append(step))
    facts = read_network(tmp_path / "network-7.safetensors")[1]
    assert [(seed, step) for seed, step, _ in told] == [(7, 50)]
    assert facts["losses"] == [told[0][2]]
    assert (facts["datasets"], facts["sessions"]) == (["set 0", "set 1"], ["session 0", "session 1"])
    assert Learned(folder=str(tmp_path)).sessions == {"session 0", "session 1"}


def test_the_same_seed_gives_the_same_network_and_no_global_state_is_touched(folder, tmp_path):
    import torch

    torch.manual_seed(5)
    train([recording(seed) for seed in range(4)], tmp_path, seeds=(1,), n_steps=60)
    after = torch.rand(1)
    torch.manual_seed(5)
    assert after == torch.rand(1)
    assert (tmp_path / "network-1.safetensors").read_bytes() == (folder / "network-1.safetensors").read_bytes()


def test_a_constant_trace_has_no_spikes(folder):
    dff = np.hstack([recording(9).dff[:, :1], np.full((int(RATE * SECONDS), 1), 0.3)])
    events = calcium.deconvolve(dff, RATE, "learned", folder=str(folder))
    assert events[:, 0].any()
    assert not events[:, 1].any()


def test_noise_is_measured_at_the_working_rate():
    assert Target.of([recording(0, 100.0, noise=0.2)], RATE).noise == pytest.approx(0.2, rel=0.3)


def test_what_cannot_be_learned_or_read_is_refused(folder, tmp_path):
    with pytest.raises(BadInput, match="no trained networks"):
        Learned(folder=str(tmp_path))
    with pytest.raises(BadInput, match="work at 25 Hz, the traces have 10 Hz; train with rate=10"):
        calcium.deconvolve(np.zeros((100, 1)), 10.0, "learned", folder=str(folder))
    with pytest.raises(BadInput, match="has 25 Hz, less than the 50 Hz"):
        train([recording(0)], tmp_path, rate=50.0)
    with pytest.raises(BadInput, match="no cell to train on"):
        train([], tmp_path)
    (tmp_path / "network-0.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadInput, match=r"is no network of learned_training\.train"):
        Learned(folder=str(tmp_path))
