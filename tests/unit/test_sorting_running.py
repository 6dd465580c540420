"""Sorters in processes of their own: what they find, and one sentence for whatever goes wrong."""

import time

import numpy as np
import pandas as pd
import psutil
import pytest

from neuropipe import sorting
from neuropipe.errors import BadInput
from neuropipe.recording import Recording, Voltage
from neuropipe.registry import Plugin
from neuropipe.sorting.binary import in_one_binary
from neuropipe.sorting.preprocessing import Preprocessing, prepare
from neuropipe.sorting.running import run_sorter

RATE = 20000.0
SPIKES = np.array([5000, 9000, 17000, 30000])
CHANNELS = pd.DataFrame({"x": [0.0, 20.0, 0.0, 20.0], "y": [0.0, 0.0, 20.0, 20.0], "gain": 0.5, "offset": 0.0})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 10, (40000, 4))
    samples[SPIKES[:, None] + np.arange(-4, 5)] -= (400 * np.hanning(9))[:, None]
    voltage = Voltage(samples.astype(np.int16), RATE, CHANNELS, start=10.0)
    voltage = in_one_binary(voltage, tmp_path_factory.mktemp("voltage"))
    return voltage, prepare(voltage, Preprocessing(), seed=0)


def fake(name, **facts):
    parameters = {"seed": 0, "depth": 100.0} if name == "threshold" else {"seed": 0}
    return Plugin(name, "tests.unit.fake_sorters", name, facts, parameters, {}, "")


def test_spikes_come_in_seconds_on_the_clock_of_the_recording(prepared, tmp_path):
    found = run_sorter(fake("threshold"), *prepared, tmp_path, depth=60.0)
    np.testing.assert_allclose(found.times, 10 + SPIKES / RATE, atol=1.5 / RATE)
    assert found.offsets.tolist() == [0, 4]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("crash", "crash failed with an error: RuntimeError: clusters ran out$"),
        ("killed", "killed failed with signal SIGSEGV: "),
        ("nothing", "nothing found no unit in 2 s of 4 channels: lower its detection threshold"),
    ],
)
def test_a_sorter_that_fails_is_one_sentence(name, said, prepared, tmp_path):
    with pytest.raises(BadInput, match=said) as caught:
        run_sorter(fake(name), *prepared, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_sorter_that_hangs_is_stopped_and_leaves_nothing_behind(prepared, tmp_path):
    began = time.monotonic()
    with pytest.raises(BadInput, match=r"hang was stopped after 4 s, its time limit: raise time_limit"):
        run_sorter(fake("hang"), *prepared, tmp_path, time_limit=4.0)
    assert time.monotonic() - began < 60
    assert not [child for child in psutil.Process().children(recursive=True) if str(tmp_path) in str(child.cmdline())]


def test_a_sorter_that_is_not_installed_names_the_command(prepared, tmp_path):
    with pytest.raises(BadInput, match="needs no-such-thing, not installed here: run .*pip install no-such-thing==1"):
        run_sorter(fake("crash", tools=("no-such-thing",), install="no-such-thing==1"), *prepared, tmp_path)


def test_sort_refuses_what_it_can_not_sort(prepared):
    voltage, _ = prepared
    no_units = pd.DataFrame({"unit": []})
    with pytest.raises(BadInput, match="no sorter is called 'spykingcircus3'; did you mean spykingcircus2"):
        sorting.sort(Recording(units=no_units, voltage=voltage), "spykingcircus3")
    from neuropipe.recording import SpikeTrains

    spikes = Recording(units=pd.DataFrame({"unit": [0]}), spikes=SpikeTrains.from_list([np.array([1.0])]))
    with pytest.raises(BadInput, match="no raw voltage"):
        sorting.sort(spikes)


def test_every_sorter_declares_what_it_needs_and_takes_a_seed():
    for plugin in sorting.available().values():
        assert "spikeinterface" in plugin.facts["tools"], plugin.name
        assert plugin.parameters["seed"] == 0, plugin.name
        assert plugin.summary.endswith("."), plugin.name
