"""The movie simulator: its spikes are those of decisions, and its optics, motion and noise are what truth says."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuropipe import simulate
from neuropipe.calcium.footprints import Footprints
from neuropipe.catalog import Catalog
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains
from neuropipe.simulate.kinetics import indicator
from neuropipe.simulate.motion import displaced, rigid_shifts
from neuropipe.simulate.somata import EDGE, draw, overlaps, place
from neuropipe.simulate.two_photon import GAIN, RenderedFrames, Scene

CATALOG = Path(__file__).parents[2] / "data" / "catalog"
DECISIONS = {"n_trials": 30, "n_units": 14, "baseline_rate": 0.8}
RADIUS = 5.5  # px
STILL = {"max_shift": 0.0, "neuropil_fluctuation": 0.0, "bleaching_time": 1e9}


def film(seed=5, **parameters):
    return simulate.calcium_movie(seed=seed, **({"decisions": DECISIONS, "height": 80, "width": 72} | parameters))


def footprints_of(recording) -> Footprints:
    truth = recording.truth
    entries = (truth[f"footprint_{name}"] for name in ("pixels", "weights", "offsets"))
    return Footprints(*entries, recording.movie.frames.shape[1:])


def mean_traces(frames: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """(time, cell) mean over the pixels of each cell."""
    weights = (bright / bright.sum(axis=(1, 2), keepdims=True)).reshape(len(bright), -1)
    return frames.reshape(len(frames), -1) @ weights.T


@pytest.fixture(scope="module")
def movie():
    return film()


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    centres = place(100, (176, 176), RADIUS, 11.5, 0.2, rng)
    return centres, *draw(centres, (176, 176), RADIUS, rng)


class TestRecording:
    def test_its_spikes_and_trials_are_those_of_the_decisions(self, movie):
        spiking = simulate.drift_diffusion(seed=5, **DECISIONS)
        np.testing.assert_array_equal(movie.truth["spike_times"], spiking.spikes.times)
        np.testing.assert_array_equal(movie.truth["spike_offsets"], spiking.spikes.offsets)
        assert movie.trials.equals(spiking.trials)
        for name, values in spiking.truth.items():
            np.testing.assert_array_equal(movie.truth[name], values)

    def test_it_lasts_until_after_the_last_trial(self, movie):
        assert movie.movie.frames.shape == (len(movie.movie.frame_times), 80, 72)
        assert 0.4 < movie.movie.frame_times[-1] - movie.trials["stop"].iloc[-1] <= 0.55
        assert movie.movie.frame_rate == pytest.approx(25)

    def test_the_same_seed_gives_the_same_bytes_whatever_is_read_at_once(self, movie):
        frames = movie.movie.frames
        assert frames[:1].dtype == np.uint16
        whole = frames[10:40]
        again = film().movie.frames
        np.testing.assert_array_equal(np.concatenate([again[10:17], again[17:40]]), whole)
        np.testing.assert_array_equal(again[10:40:3], whole[::3])
        assert (film(seed=6).movie.frames[10:11] != whole[0]).mean() > 0.9

    def test_the_catalogue_has_the_spikes_of_each_movie_as_a_session_of_their_own(self):
        catalog = Catalog.load(CATALOG)
        for film_key, spikes_key in (("small", "imaged-small"), ("full", "imaged")):
            filmed, spiking = catalog.session(f"sim-calcium.{film_key}"), catalog.session(f"sim-choice.{spikes_key}")
            assert {"seed": filmed.parameters["seed"]} | filmed.parameters["decisions"] == spiking.parameters
            assert filmed.task == spiking.task
        full = catalog.session("sim-calcium.full").parameters
        assert full["decisions"]["n_units"] >= 100
        assert not {"neuropil", "max_shift", "peak_snr", "overlapping", "bleaching_time"} & set(full)
        defaults = simulate.available()["calcium_movie"].parameters
        assert (defaults["neuropil"], defaults["max_shift"], defaults["peak_snr"]) == (0.7, 5.0, 3.0)

    @pytest.mark.parametrize(
        ("parameters", "sentence"),
        [
            ({"decisions": {"n_unit": 9}}, "drift_diffusion has no parameter 'n_unit' to give as decisions; it has"),
            ({"decisions": {"seed": 9}}, "no parameter 'seed' to give as decisions"),
            ({"frame_rate": 0.0}, "frame_rate must be a number above 0, found 0.0"),
            ({"peak_snr": float("nan")}, "peak_snr must be a number above 0, found nan"),
            ({"neuropil": 1.2}, r"neuropil 1.2 .* must lie in \[0, 1\]"),
            ({"max_shift": -1.0}, "max_shift -1.0 px must not be below 0"),
            ({"height": 40}, "14 cells of radius 5.5 px don't fit into 40 x 72 px"),
            ({"height": 10}, "don't fit into 10 x 72 px"),
        ],
    )
    def test_what_can_not_be_filmed_is_refused(self, parameters, sentence):
        with pytest.raises(BadInput, match=sentence):
            film(**parameters)


class TestSomata:
    def test_the_asked_fraction_of_cells_shares_pixels_with_one_other_cell(self, drawn):
        centres, footprints, _ = drawn
        shared = overlaps(footprints)
        assert np.mean(shared > 0.05) == pytest.approx(0.2)
        assert np.mean(shared > 0) == pytest.approx(0.2)
        assert 0.1 < np.median(shared[shared > 0]) < 0.4
        distance = np.linalg.norm(centres[:, None] - centres, axis=-1) + 1e9 * np.eye(100)
        assert sorted((distance < 2 * RADIUS).sum(axis=1)) == [0] * 80 + [1] * 20

    def test_cells_lie_within_the_field_however_it_moves(self, drawn):
        centres, footprints, _ = drawn
        assert centres.min() >= 11.5
        assert centres.max() <= 175 - 11.5
        y, x = np.divmod(footprints.pixels, 176)
        assert min(y.min(), x.min()) >= 5
        assert max(y.max(), x.max()) <= 170

    def test_a_body_is_a_disc_or_ring_of_that_radius_with_a_soft_edge(self, drawn):
        centres, footprints, _ = drawn
        images = footprints.images()
        np.testing.assert_array_equal(images.max(axis=(1, 2)), 1)
        y, x = np.mgrid[:176, :176]
        for image, centre in zip(images, centres, strict=True):
            distance = np.hypot(y - centre[0], x - centre[1])
            rim = image[(distance > 3.5) & (distance < 4)].mean()
            assert rim > 0.7
            assert 0.3 < image[distance < 1].mean() / rim < 1.25
            assert np.all(image[distance > RADIUS * 1.2 + EDGE] == 0)
            assert np.any((image > 0.05) & (image < 0.5))
            assert [(image * at).sum() / image.sum() for at in (y, x)] == pytest.approx(centre, abs=0.15)
        area = (images > 0.5 * images.max(axis=(1, 2), keepdims=True)).sum(axis=(1, 2))
        assert np.mean(area) == pytest.approx(np.pi * RADIUS**2, rel=0.1)
        rings = [image[np.hypot(y - c[0], x - c[1]) < 1.5].mean() for image, c in zip(images, centres, strict=True)]
        assert min(rings) < 0.6
        assert max(rings) > 0.9

    def test_sparse_images_are_images(self):
        images = np.random.default_rng(0).random((3, 4, 5)).astype(np.float32)
        images[images < 0.5] = 0
        images[1] = 0
        sparse = Footprints.from_images(images)
        np.testing.assert_array_equal(sparse.images(), images)
        np.testing.assert_array_equal(sparse.padded(2).images(), np.pad(images, ((0, 0), (2, 2), (2, 2))))


class TestKinetics:
    TIMES = np.arange(0, 20, 0.04)

    @staticmethod
    def direct(spikes, times, rise, decay):
        since = (times[:, None] - spikes).clip(0)
        return ((1 - np.exp(-since / rise)) * np.exp(-since / decay)).sum(axis=1)

    @given(st.lists(st.floats(0, 19.9), max_size=12), st.floats(0.02, 0.2), st.floats(0.3, 1.0))
    def test_a_trace_is_the_sum_of_one_response_a_spike_of_peak_1(self, spikes, rise, decay):
        spikes = np.sort(np.array(spikes))
        trace = indicator(SpikeTrains.from_list([spikes, spikes[:0]]), self.TIMES, rise, decay)
        highest = self.direct(np.zeros(1), np.arange(0, 2, 1e-4), rise, decay).max()
        np.testing.assert_allclose(trace[:, 0], self.direct(spikes, self.TIMES, rise, decay) / highest, atol=1e-4)
        np.testing.assert_array_equal(trace[:, 1], 0)

    def test_between_spikes_it_is_autoregressive_of_order_2(self):
        trace = indicator(SpikeTrains.from_list([np.array([3.0])]), self.TIMES, 0.05, 0.5)[:, 0].astype(float)
        slow, fast = np.exp(-0.04 / 0.5), np.exp(-0.04 * (1 / 0.5 + 1 / 0.05))
        residual = trace[2:] - (slow + fast) * trace[1:-1] + slow * fast * trace[:-2]
        assert np.flatnonzero(np.abs(residual) > 1e-6).tolist() == [74]  # the frame after that of the spike

    def test_spikes_after_the_last_frame_are_not_seen(self):
        assert indicator(SpikeTrains.from_list([np.array([19.97, 25.0])]), self.TIMES, 0.05, 0.5).max() == 0


class TestMotion:
    def test_shifts_drift_and_jitter_up_to_the_largest_one(self):
        shifts = rigid_shifts(np.arange(0, 300, 0.04), 5.0, np.random.default_rng(0))
        np.testing.assert_allclose(np.abs(shifts).max(axis=0), 5)
        assert 0.1 < np.diff(shifts, axis=0).std() < 0.6
        second = shifts[: len(shifts) // 25 * 25].reshape(-1, 25, 2).mean(axis=1)
        assert np.all(second.std(axis=0) > 1)
        assert np.all(np.abs(np.diff(second, axis=0)).max(axis=0) < 2)

    @given(st.floats(-3, 3), st.floats(-3, 3))
    def test_what_lies_at_p_is_seen_at_p_plus_shift(self, dy, dx):
        y, x = np.mgrid[-4:14, -4:16].astype(np.float32)
        seen = displaced(2 * y - 3 * x, np.array([dy, dx]), (10, 12))
        expected = 2 * (np.arange(10)[:, None] - dy) - 3 * (np.arange(12) - dx)
        np.testing.assert_allclose(seen, expected, atol=1e-4)

    def test_the_rendered_displacement_is_that_of_truth(self, movie):
        frames, shifts = movie.movie.frames, movie.truth["shifts"]
        np.testing.assert_allclose(np.abs(shifts).max(axis=0), 5)
        wanted = [int(np.argmax(shifts[:, 0])), int(np.argmin(shifts[:, 1])), 0, 400]
        at_rest = np.pad(footprints_of(movie).images().sum(axis=0), 6)

        def likeness(image, frame, offset):
            return np.corrcoef(displaced(at_rest, shifts[frame] + offset, (80, 72)).flat, image.flat)[0, 1]

        for frame in wanted:
            # The static pattern of cells is found where truth says, to a tenth of a pixel.
            image = frames.expected(frame)
            offsets = np.arange(-0.6, 0.61, 0.1)
            matches = [[likeness(image, frame, [dy, dx]) for dx in offsets] for dy in offsets]
            best = np.unravel_index(np.argmax(matches), (len(offsets), len(offsets)))
            assert np.abs(offsets[list(best)]).max() < 0.25


class TestLight:
    def test_the_peak_of_a_spike_over_the_noise_of_a_cells_mean_trace_is_3(self):
        still = film(decisions=DECISIONS | {"n_trials": 60}, **STILL)
        truth, bright = still.truth, footprints_of(still).images() >= 0.5
        traces = mean_traces(still.movie.frames[:], bright)
        calcium = indicator(
            SpikeTrains(truth["spike_times"], truth["spike_offsets"]), still.movie.frame_times, 0.05, 0.5
        )
        design = np.column_stack([calcium, np.ones(len(calcium))])
        weights, *_ = np.linalg.lstsq(design, traces, rcond=None)
        overlapping = truth["overlap"] > 0
        quiet = calcium @ (np.outer(overlapping, overlapping) | np.eye(14, dtype=bool)) < 0.3
        residual = traces - design @ weights
        noise = np.array([residual[quiet[:, cell], cell].std() for cell in range(14)])
        measured = np.diag(weights[:14]) / noise
        np.testing.assert_allclose(measured, truth["peak_snr"], rtol=0.12)
        assert np.mean(measured / truth["peak_snr"]) == pytest.approx(1, abs=0.03)
        assert np.median(truth["peak_snr"]) == pytest.approx(3)

    def test_a_cell_gains_its_own_dff_with_each_spike(self):
        still = film(neuropil=0.0, **STILL)
        scene, truth = still.movie.frames.scene, still.truth
        dff = scene.brightness / scene.brightness.min(axis=0) - 1
        trains = SpikeTrains(truth["spike_times"], truth["spike_offsets"])
        expected = truth["dff_per_spike"] * indicator(trains, still.movie.frame_times, 0.05, 0.5)
        np.testing.assert_allclose(dff, expected, atol=1e-4)
        assert np.median(truth["dff_per_spike"]) == pytest.approx(0.2, rel=0.15)

    def test_a_cell_holds_that_fraction_of_the_neuropil_around_it(self):
        still = film(decisions=DECISIONS | {"baseline_rate": 1e-6}, **STILL | {"neuropil_fluctuation": 0.1})
        images = footprints_of(still).images()
        y, x = np.mgrid[:80, :72]
        distance = np.hypot(y - still.truth["centres"][:, :1, None], x - still.truth["centres"][:, 1:, None])
        within, around = distance < 4, (distance < 13) & (images.max(axis=0) == 0)
        frames = np.stack([still.movie.frames.expected(frame) for frame in range(0, 1500, 5)])
        own, surround = (mean_traces(frames, pixels) for pixels in (within, around))
        own, surround = own - own.mean(axis=0), surround - surround.mean(axis=0)
        slopes = (own * surround).sum(axis=0) / (surround**2).sum(axis=0)
        assert np.mean(slopes) == pytest.approx(0.7, abs=0.02)
        left = own - 0.7 * surround
        assert np.all(left.std(axis=0) < 0.35 * own.std(axis=0))

    def test_the_whole_field_bleaches_exponentially(self):
        silent = DECISIONS | {"baseline_rate": 1e-6}
        fading = film(decisions=silent, **STILL | {"bleaching_time": 50.0}).movie
        first, later = (fading.frames.expected(frame) for frame in (0, 1000))
        np.testing.assert_allclose(later / first, np.exp(-40 / 50), rtol=1e-5)

    def test_photon_noise_has_the_mean_and_nearly_the_variance_of_a_poisson_number(self):
        class Flat:
            def at(self, frame):
                return np.ones((102, 102), np.float32)

        for photons in (4.0, 9.0, 40.0):
            frames = RenderedFrames(Flat(), np.zeros((30, 2)), np.full(30, photons), (30, 100, 100), (1,))
            counted = frames[:] / GAIN
            assert counted.mean() == pytest.approx(photons, abs=0.03)
            assert counted.var() == pytest.approx(photons + 1 / 8, rel=0.03)
            frame, other = counted[0].ravel(), counted[1].ravel()
            assert abs(np.corrcoef(frame, other)[0, 1]) < 0.04

    def test_light_is_that_of_cells_and_of_what_they_leave_of_the_neuropil(self, movie):
        scene = movie.movie.frames.scene
        assert isinstance(scene, Scene)
        cells = np.tensordot(scene.brightness[7], scene.footprints.images(), axes=1)
        np.testing.assert_allclose(scene.at(7), cells + scene.neuropil_gain * scene.neuropil.at(7), rtol=1e-5)
        assert scene.neuropil_gain.min() == pytest.approx(0.7)
        assert scene.neuropil_gain.max() == 1
