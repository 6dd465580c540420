"""The tracer: what of ours ran, in this thread, in others and in child processes."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from resources.store.code import CodeBase, Definition, definition_of
from tests.tracer import REPOSITORY, trace_to, traced, uncovered


def names(definitions):
    return {str(each) for each in definitions}


def test_what_runs_is_recorded_in_every_thread_and_child_process(tmp_path):
    from neuropipe.binning import bin_spikes
    from neuropipe.decoders import registry
    from neuropipe.folds import make_folds
    from neuropipe.simulate.poisson import thinned_train

    one_spike = (np.zeros(1), np.array([0, 1]), np.zeros(2), 0.1, 3)
    in_a_child = "from neuropipe.decoders import registry; registry.available()"
    with trace_to(tmp_path):
        thread = threading.Thread(target=bin_spikes, args=one_spike)
        thread.start()
        thread.join()
        with ThreadPoolExecutor() as pool:
            pool.submit(thinned_train, np.ones_like, 1.0, 2.0, np.random.default_rng(1)).result()
        subprocess.run([sys.executable, "-P", "-c", in_a_child], check=True, cwd=tmp_path)
    ran = traced(tmp_path)
    assert {definition_of(bin_spikes), definition_of(thinned_train), definition_of(type(registry))} <= ran
    assert definition_of(make_folds) not in ran
    assert not {each for each in ran if each.name.startswith("<")}
    assert sys.getprofile() is None


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A package of ours with something of every kind."""
    package = tmp_path / "neuropipe"
    (package / "plots").mkdir(parents=True)
    (package / "traced_toy.py").write_text(
        "from functools import partial\n"
        "def made(): return 1\n"
        "N = made()\n"
        "double = lambda x: 2 * x\n"
        "TABLE = {\n    'half': lambda x: x / 2,\n}\n"
        "class C:\n"
        "    made = made()\n"
        "    def m(self): return [double(i) for i in range(2)]\n"
        "def helper(): return C().m()\n"
        "def generator():\n    yield helper()\n"
        "def root():\n    from plots import draw\n    draw(helper)\n    return TABLE['half'](1)\n"
        "def drawn(): return 1\n"
        "def again(): return list(generator())\n"
    )
    (package / "plots" / "__init__.py").write_text(
        "def draw(f):\n    from traced_toy import drawn\n    return drawn()\n"
    )
    monkeypatch.syspath_prepend(str(package))
    yield tmp_path
    for name in ("traced_toy", "plots"):
        sys.modules.pop(name, None)


def test_imports_and_plots_do_not_count_and_lambdas_are_found_by_their_line(toy):
    with trace_to(toy / "one", root=toy):
        import traced_toy

        traced_toy.root()
    ran = names(traced(toy / "one", toy))
    assert ran == {"neuropipe.traced_toy:root", "neuropipe.traced_toy:TABLE"}
    with trace_to(toy / "two", root=toy):
        traced_toy.again()
    ran = {each.name for each in traced(toy / "two", toy)}
    assert ran == {"again", "generator", "helper", "C", "double"}


def test_what_a_real_function_runs_is_covered(tmp_path):
    from neuropipe.simulate.decisions import drift_diffusion

    drift_diffusion(n_trials=4, n_units=3, seed=1)
    with trace_to(tmp_path):
        drift_diffusion(n_trials=4, n_units=3, seed=1)
    ran = traced(tmp_path)
    root = definition_of(drift_diffusion)
    assert root in ran
    assert len(ran) > 5
    assert uncovered(ran, CodeBase(REPOSITORY).reachable([root])) == set()
    assert uncovered(ran, [root]) == ran - {root}
    assert uncovered([Definition("a", "b")], ran) == {Definition("a", "b")}
