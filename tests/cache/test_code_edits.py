"""The edit campaign: real edits in a copy of our source change the code versions of exactly what they can change."""

import shutil

import pytest

from resources.store.code import CodeBase
from tests.cache.code_edits import PACKAGES, PARTS, Edit, add, decoders_of, move_to, named, rename_module, substitute
from tests.tracer import REPOSITORY

CLASSIFIERS, REGRESSORS = decoders_of("classification"), decoders_of("regression")
NETWORKS = decoders_of("classification", "torch") | decoders_of("regression", "torch")
SCALED = NETWORKS | named(
    "decoder/knn", "decoder/logistic_regression", "decoder/pca_logistic", "decoder/pca_ridge", "decoder/svm"
)
PLUGINS = "from neuropipe.registry import decoder, reader\n"
TYPES = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from neuropipe.calcium.learned import Learned\n"
STAGES = named("stage/*")
FROM_RECORDINGS = named("stage/recording", "stage/binned", "stage/folds")  # what is given the recording


def template(root):
    """Edit the heading in the report's template."""
    path = root / "neuropipe" / "report" / "templates" / "report.html"
    path.write_text(path.read_text().replace("<h1>", "<h1>The "))


CHANGES = [
    # what artifacts are written and read by
    Edit(
        "axes of arrays",
        "dimension_names=tuple(dims),\n        att",
        "dimension_names=None,\n        att",
        named("draft"),
    ),
    Edit(
        "index of tables",
        'frame.to_parquet(self._new(f"{name}.parquet"), index=False',
        'frame.to_parquet(self._new(f"{name}.parquet"), index=True',
        named("draft"),
    ),
    Edit("order of JSON", "json.dumps(value, indent=1, sort_keys=True)", "json.dumps(value, indent=1)", named("draft")),
    Edit(
        "times + 1 in the writer",
        '{"times": made.spikes.times, ',
        '{"times": made.spikes.times + 1, ',
        named("recording") | FROM_RECORDINGS,
    ),
    Edit(
        "default of a field",
        "    facts: Mapping[str, Any] = field(default_factory=dict",
        "    facts: Mapping[str, Any] = field(default_factory=list",
        named("recording") | STAGES,
    ),
    # binning
    Edit("edge of a bin", "while start + steps[k] > time:", "while start + steps[k] >= time:", named("bin_spikes")),
    Edit("constant of the kernel", "TRIALS = np.uint64(32)", "TRIALS = np.uint64(16)", named("bin_spikes")),
    Edit(
        "decorator of the kernel",
        "(nogil=True)\ndef add_counts",
        "(nogil=True, fastmath=True)\ndef add_counts",
        named("bin_spikes"),
    ),
    Edit("longest gap of behaviour", "LONGEST_GAP = 3", "LONGEST_GAP = 4", named("average_in_bins")),
    # folds
    Edit(
        "blocks",
        "np.array_split(np.arange(samples.n), s",
        "np.array_split(np.arange(samples.n)[::-1], s",
        named("make_folds", "check_leakage", "stage/folds"),
    ),
    # decoders
    Edit(
        "scale of features",
        "length = np.linalg.norm(sd * factor)",
        "length = np.sum(sd * factor)",
        SCALED | named("decoder/rate_logistic"),
    ),
    Edit("dropout", "return values * kept / (1 - self.probability)", "return values * kept", NETWORKS),
    Edit("clipping of gradients", "LARGEST_GRADIENT = 1.0", "LARGEST_GRADIENT = 2.0", NETWORKS),
    Edit(
        "cycle of learning rates",
        "settings.learning_rate * one_cycle(",
        "settings.learning_rate * 2 * one_cycle(",
        NETWORKS,
    ),
    Edit("bins of xgboost", '"max_bin": 32', '"max_bin": 16', named("decoder/xgboost")),
    Edit("default of xgboost", "n_rounds: int = 150", "n_rounds: int = 160", named("decoder/xgboost")),
    Edit("constants in a tuple", "_TIE, _FLOOR = 1e-9, 1e-2", "_TIE, _FLOOR = 1e-9, 2e-2", named("decoder/knn")),
    Edit("table of functions", '"cosine": _cosine}', '"cosine": _euclidean}', named("decoder/knn")),
    Edit(
        "prior of naive Bayes",
        "prior_trials * rows.mean(axis=0)[:, None]",
        "prior_trials * rows.max(axis=0)[:, None]",
        named("decoder/naive_bayes"),
    ),
    Edit(
        "features of ridge",
        "return counts[:, counts.shape[1] - n_lags :].",
        "return counts[:, :n_lags].",
        named("decoder/ridge"),
    ),
    Edit(
        "a GRU's layer",
        "Recurrent(nn.GRU, n_components, n_classes",
        "Recurrent(nn.LSTM, n_components, n_classes",
        named("decoder/gru"),
    ),
    Edit("what decoders save", '"n_units": self.n_units_,', '"n_units": int(self.n_units_),', CLASSIFIERS | REGRESSORS),
    Edit(
        "most probable class",
        "= self.predict_proba(X).argmax(axis=1)",
        "= self.predict_proba(X).argmin(axis=1)",
        CLASSIFIERS,
    ),
    Edit("name of a plug-in", '@decoder("knn", task', '@decoder("neighbours", task', named("decoder/knn")),
    Edit(
        "the registry's make",
        "return plugin.load()(**parameters)",
        "return plugin.load()(**dict(parameters))",
        named("make", "decoder/ensemble", "deconvolve", "stage/decoder", "stage/recording", "stage/report"),
    ),
    # calcium
    Edit(
        "factor of the noise",
        "MAD_TO_SD = 1.4826",
        "MAD_TO_SD = 1.5",
        named("deconvolver/oasis", "deconvolver/learned", "train"),
    ),
    Edit(
        "merge of pools",
        "if expected <= first[i] - s_min:",
        "if expected < first[i] - s_min:",
        named("deconvolver/oasis", "deconvolver/learned"),
    ),
    Edit(
        "units of a deconvolver",
        'units="dF/F: jump of the trace at the event"',
        'units="dF/F"',
        named("deconvolver/suite2p"),
    ),
    Edit("table of decays", '"GCaMP6m": 1.0', '"GCaMP6m": 1.1', named("deconvolver/suite2p")),
    Edit(
        "dilations of a network",
        "DILATIONS = (1, 2, 4, 8)",
        "DILATIONS = (1, 2, 4, 6)",
        named("deconvolver/learned", "train"),
    ),
    Edit("blocks of ROIs", "BLOCK = 64  # ROIs", "BLOCK = 32  # ROIs", named("deconvolve")),
    # simulators
    Edit(
        "thinning",
        "* rate_bound < rate(candidates)",
        "* rate_bound <= rate(candidates)",
        named("simulator/drift_diffusion", "simulator/calcium_movie", "simulator/voltage"),
    ),
    Edit(
        "constants side by side",
        "AFTER_RESPONSE = 0.5, 0.3",
        "AFTER_RESPONSE = 0.5, 0.4",
        named("simulator/drift_diffusion", "simulator/calcium_movie", "simulator/voltage"),
    ),
    Edit(
        "hazard of a step",
        "if rng.random() < -np.expm1(",
        "if rng.random() <= -np.expm1(",
        named("simulator/spiking_network"),
    ),
    Edit(
        "constant of a kernel that kernels call",
        "DRIFT_STEPS = 2000",
        "DRIFT_STEPS = 1000",
        named("simulator/integrate_and_fire_network", "simulator/hawkes_network"),
    ),
    # evaluation
    Edit(
        "length of blocks",
        "np.ceil(1.5 * np.cbrt(n))",
        "np.ceil(2 * np.cbrt(n))",
        named("evaluate", "evaluate_targets"),
    ),
    Edit("bins of calibration", "N_BINS = 15", "N_BINS = 10", named("evaluate")),
    Edit(
        "prior of a baseline",
        "frequencies = (counts + 1) / (counts.sum() + n_classes)",
        "frequencies = counts / counts.sum()",
        named("evaluate"),
    ),
    Edit("metrics with a null", 'TESTED = ("accuracy",', "TESTED = (", named("evaluate")),
    Edit("points of a sweep", "N_POINTS = 7", "N_POINTS = 8", named("conditions")),
    # readers, and where work runs
    Edit(
        "largest count",
        "LARGEST_COUNT = np.iinfo(np.uint32)",
        "LARGEST_COUNT = np.iinfo(np.uint16)",
        named("reader/binned_zip", "reader/matlab", "reader/npz", "reader/nwb", "reader/steinmetz_*"),
    ),
    Edit("columns of traces", 'TIME = "time"', 'TIME = "t"', named("reader/traces_csv")),
    Edit(
        "threads of linear algebra",
        "with threadpool_limits(1):",
        "with threadpool_limits(2):",
        named("side_by_side", "stage/decoder"),
    ),
    Edit(
        "what a decoder is asked",
        "inputs, aims, times = problem.fit_data(samples)",
        "inputs, aims, times = problem.fit_data(samples[1:])",
        named("stage/decoder"),
    ),
    Edit("template of the report", template, changes=named("stage/report")),
    Edit(
        "class of an error that is caught",
        "except ValueError as error:\n        raise BadInput(str(error)) from error",
        "except TypeError as error:\n        raise BadInput(str(error)) from error",
        CLASSIFIERS | REGRESSORS,
    ),
]

KEEPS = [
    # words
    Edit("error of the catalogue", "no catalogue at {root}: it should hold", "{root} is no catalogue, which holds"),
    Edit("error of a decoder", "a decoder needs finite values: ", "only finite values can be decoded: "),
    Edit(
        "error with expressions",
        "{len(labels)} labels; give one label",
        "{len(y)} labels ({n_trials + 1}); give one label",
    ),
    Edit(
        "error of the registry",
        "; did you mean {', '.join(near)}?\")\n        return plugins[name]",
        '; is it {near[0]}?")\n        return plugins[name]',
    ),
    Edit("docstring of a module", '"""Scaling of features', '"""Standardisation of features'),
    Edit("docstring of a class", '"""XGBoost (Chen & Guestrin 2016) on', '"""Trees on'),
    Edit(
        "docstring of a kernel", '"""Index of the first spike not followed', '"""The first spike that is not followed'
    ),
    Edit("comment", "# Sorted times are finite if", "# Ascending times are finite if"),
    Edit("log sentence", "come from an interrupted run", "were done before"),
    Edit("log sentence in a lambda", "{n_done} of {len(splits)} folds fitted", "{n_done}/{len(splits)} folds"),
    Edit("function of log sentences only", "f\"epoch {row['epoch']}, loss", "f\"epoch {row['epoch']}: loss"),
    Edit(
        "new log sentence",
        "    training = Training(log, progress)\n",
        '    training = Training(log, progress)\n    log.info(f"{len(folds)} rows")\n',
    ),
    Edit("description of a stage", "Fitted to each fold's training samples, it predicts", "It predicts"),
    Edit("description of a check", 'OUT_OF_FOLD = "Every prediction', 'OUT_OF_FOLD = "Each prediction'),
    # annotations and imports
    Edit(
        "annotation of arguments",
        "def _rates(rows: np.ndarray, labels: np.ndarray, n_classes",
        "def _rates(rows: list, labels: 'np.ndarray | None', n_classes",
    ),
    Edit("annotation of a result", "def _euclidean(rows: np.ndarray) -> np.ndarray:", "def _euclidean(rows):"),
    Edit(
        "annotation of a local",
        "best: tuple[Choice, int, RidgePath] | None = None\n        for n_lags",
        "best = None\n        for n_lags",
    ),
    Edit(
        "TYPE_CHECKING import",
        "import numba\nimport numpy as np\n\n\n@numba.njit(nogil=True)\ndef oasis_ar2",
        f"import numba\nimport numpy as np\n{TYPES}\n\n@numba.njit(nogil=True)\ndef oasis_ar2",
    ),
    Edit(
        "unused import",
        "import numpy as np\nimport xgboost\n",
        "import scipy.signal\nimport numpy as np\nimport xgboost\n",
    ),
    Edit(
        "unused import of ours",
        "import numpy as np\nimport xgboost\n",
        "import numpy as np\nimport xgboost\n\nimport neuropipe.simulate.networks\n",
    ),
    Edit("alias of a library", substitute("neuropipe.calcium.oasis_kernel", (" as np", ""), ("np.", "numpy."))),
    Edit(
        "where an import stands",
        "    from neuropipe.calcium.oasis_kernel import oasis_ar2\n",
        "    import neuropipe.calcium.oasis_kernel\n    from neuropipe.calcium.oasis_kernel import oasis_ar2\n",
    ),
    Edit("layout of an expression", "MAD_TO_SD = 1.4826", "MAD_TO_SD = (\n    1.4826\n)"),
    # siblings
    Edit("new constant", "MAD_TO_SD = 1.4826", "MAD_TO_SD = 1.4826\nMAD_TO_RANGE = 2.0"),
    Edit(
        "new function",
        "def noise_level(",
        "def noise_range(dff):\n    return np.ptp(dff, axis=0)\n\n\ndef noise_level(",
    ),
    Edit(
        "new decoder",
        add("neuropipe.decoders.coin", f"{PLUGINS}@decoder('coin', task='classification')\nclass C: ...\n"),
    ),
    Edit("new reader", add("neuropipe.readers.coin", f"{PLUGINS}@reader('coin')\ndef read(files): ...\n")),
    Edit(
        "new kind of plug-in",
        'simulator = _announcer("simulator")',
        'simulator = _announcer("simulator")\nsorter = _announcer("sorter")',
    ),
    Edit(
        "cost of a plug-in",
        '@decoder("naive_bayes", task="classification", ',
        '@decoder("naive_bayes", task="classification", slow=True, ',
    ),
    Edit("tools of a plug-in", '@simulator("spiking_network", tools=("numba",), ', '@simulator("spiking_network", '),
    # what decides no bytes
    Edit("style of plots", "figure.savefig(", "figure.tight_layout()\n    figure.savefig("),
    Edit(
        "where plots come from",
        "from neuropipe.plots import training as plots",
        "import neuropipe.plots.training as plots",
    ),
    Edit(
        "to whom a stage applies",
        "applies_to=has_task,\n    uses=_uses,\n    tools",
        "applies_to=lambda session: None,\n    uses=_uses,\n    tools",
    ),
    Edit(
        "rules of the catalogue",
        'for path in sorted(root.glob("*.yaml")):',
        'for path in sorted(root.glob("*.yaml"), reverse=True):',
    ),
    Edit("how planning hashes", 'key = " ".join(map(str, sorted(roots)))', 'key = "  ".join(map(str, sorted(roots)))'),
    Edit("a download", "trying again in %.1f s", "again in %.1f s"),
    # where things lie
    Edit("module of decoders renamed", rename_module("neuropipe.decoders.scaling", "neuropipe.decoders.standardising")),
    Edit("module moved to another package", rename_module("neuropipe.decoders.pooling", "neuropipe.binning.pooling")),
    Edit("package renamed", rename_module("neuropipe.recording", "neuropipe.session_types")),
    Edit("kernel renamed", rename_module("neuropipe.binning.kernel", "neuropipe.binning.merge")),
    Edit(
        "function moved",
        move_to(
            "neuropipe.calcium.preprocessing", "average_frames", "neuropipe.calcium.averaging", "import numpy as np"
        ),
    ),
    Edit(
        "function moved far",
        move_to(
            "neuropipe.simulate.poisson",
            "thinned_train",
            "resources.files.thinning",
            "from collections.abc import Callable\n\nimport numpy as np",
        ),
    ),
    Edit(
        "writer moved",
        move_to(
            "resources.store.zarr_arrays",
            "_plain",
            "resources.files.plain",
            "from collections.abc import Mapping\nfrom typing import Any\n\nimport numpy as np",
        ),
    ),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of our source, its code, and the versions of all parts before any edit."""
    root = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    code = CodeBase(root)
    return root, code, {name: code.version([part]) for name, part in PARTS.items()}


def contents(root):
    return {path: path.read_bytes() for kind in ("py", "html") for path in root.rglob(f"*.{kind}")}


@pytest.mark.parametrize("edit", [pytest.param(edit, id=edit.what) for edit in CHANGES + KEEPS])
def test_an_edit_changes_the_versions_of_exactly_what_it_can_change(source, edit):
    root, code, before = source
    original = contents(root)
    try:
        edit.apply(root)
        assert contents(root) != original
        edited = code.refreshed()
        changed = {name for name, part in PARTS.items() if edited.version([part]) != before[name]}
    finally:
        for path in contents(root).keys() - original.keys():
            path.unlink()
        for path, text in original.items():
            if not path.exists() or path.read_bytes() != text:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(text)
    assert changed == edit.changes
    again = code.refreshed()
    assert {name: again.version([part]) for name, part in PARTS.items()} == before, "and back"


def test_the_campaign_is_large_enough_in_both_directions():
    assert len({edit.what for edit in CHANGES + KEEPS}) == len(CHANGES + KEEPS)
    assert all(edit.changes for edit in CHANGES)
    assert not any(edit.changes for edit in KEEPS)
    assert min(len(CHANGES), len(KEEPS)) >= 40
    assert frozenset().union(*(edit.changes for edit in CHANGES)) >= frozenset(PARTS) - {
        name for name in PARTS if name.startswith("reader/")
    } - named("bin_events", "artifact")
