"""Small files of continuous signals in the formats that their authors write, for tests of readers."""

import gzip
from pathlib import Path

import numpy as np

RATE = 100.0
POTENTIALS = np.random.default_rng(5).normal(0, 20, (500, 3)).astype(np.float32)
EVENTS = {"type": ["square", "rt", "square"], "latency": [101.0, 150.5, 301.0], "position": [2, None, 1]}


def _structs(**columns: list) -> np.ndarray:
    """A MATLAB struct array, as savemat takes it."""
    rows = np.zeros((1, len(next(iter(columns.values())))), [(name, object) for name in columns])
    for name, values in columns.items():
        for at, value in enumerate(values):
            rows[0, at][name] = np.empty((0, 0)) if value is None else value
    return rows


def eeglab(folder: Path, *, events: dict | None = None, inside: bool = False, top: bool = False, **changed) -> Path:
    """sample.set with sample.fdt beside it. inside : samples in the .set; top : fields as variables, as newer versions

    write them; changed : fields of EEG
    """
    from scipy.io import savemat

    header = {
        "nbchan": 3.0,
        "pnts": 500.0,
        "trials": 1.0,
        "srate": RATE,
        "data": POTENTIALS.T if inside else "sample.fdt",
        "chanlocs": _structs(labels=["Fz", "Cz", "EOG"], theta=[0, None, 23], radius=[0.25, 0, 0.7]),
        "event": _structs(**(events or EVENTS)),
        "ref": "common",
    } | changed
    path = folder / "sample.set"
    savemat(path, header if top else {"EEG": header}, do_compression=True)
    (folder / "sample.fdt").write_bytes(POTENTIALS.astype("<f4").tobytes())
    return path


def signals_npy(folder: Path, values: np.ndarray = POTENTIALS[:, 0]) -> Path:
    path = folder / "ca1.npy"
    np.save(path, values)
    return path


N_VOLUMES, SHAPE = 24, (4, 3, 2)
BOLD = np.random.default_rng(6).integers(300, 900, (*SHAPE, N_VOLUMES)).astype(np.int16)
MASK = np.arange(24).reshape(SHAPE) % 3 == 0
# Two runs of twelve volumes: rest, a block of three, rest, another block, rest.
CONDITIONS = [["rest"] * 2 + [first] * 3 + ["rest"] * 2 + [second] * 3 + ["rest"] * 2 for first, second in ("ab", "ba")]
LABELS = [f"{name} {run}" for run, names in enumerate(CONDITIONS) for name in names]


def nifti(
    folder: Path, *, data: np.ndarray = BOLD, mask: np.ndarray = MASK, labels: list[str] | None = None,
    interval: float = 2.5, unit: str = "sec",
) -> Path:  # fmt: skip
    """bold.nii.gz with mask.nii.gz and labels.txt beside it: voxels of 3 x 3 x 4 mm."""
    import nibabel

    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = [-10, 0, 5]
    for name, values in (("bold.nii.gz", data), ("mask.nii.gz", mask.astype(np.uint8))):
        image = nibabel.Nifti1Image(values, affine)
        if values.ndim == 4:
            image.header.set_zooms((3.0, 3.0, 4.0, interval))
        image.header.set_xyzt_units("mm", unit)
        (folder / name).write_bytes(gzip.compress(image.to_bytes(), mtime=0))
    (folder / "labels.txt").write_text("\n".join(LABELS if labels is None else labels) + "\n")
    return folder / "bold.nii.gz"


# As the release of Steinmetz et al. (2019) lays them out: columns, channels counted from 1.
STEINMETZ = {
    "spikes.times": np.array([1.0, 2.5, 0.5, 2.0, 1.5])[:, None],
    "spikes.clusters": np.array([1, 0, 0, 2, 1], np.uint32)[:, None],
    "clusters._phy_annotation": np.array([2, 1, 3])[:, None],
    "clusters.peakChannel": np.array([1.0, 2.0, 3.0])[:, None],
    "trials.intervals": np.array([[0.0, 2.0], [2.0, 4.0], [4.0, 6.0]]),
    "trials.response_times": np.array([1.5, np.nan, 5.5])[:, None],
    "trials.feedback_times": np.array([1.6, 3.6, 5.6])[:, None],
    "trials.feedbackType": np.array([1.0, -1.0, 1.0])[:, None],
    "trials.response_choice": np.array([1.0, 0.0, -1.0])[:, None],
}
AREAS = "ccf_ap\tallen_ontology\n1\tCA1\n2\tCA3\n3\tVISp\n"


def alf(folder: Path, *, probes: tuple[str, ...] = ("",), namespace: str = "", **changed) -> dict[str, Path]:
    """Files of an ALF folder by name; None leaves one out."""
    files = {}
    for name, values in (STEINMETZ | changed).items():
        for probe in probes if not name.startswith("trials.") else ("",):
            stem = namespace + name if name.startswith("trials.") else name
            full = f"{probe}.{stem}.npy" if probe else f"{stem}.npy"
            if values is not None:
                np.save(folder / full, values)
                files[full] = folder / full
    for probe in probes:
        full = f"{probe}.channels.brainLocation.tsv" if probe else "channels.brainLocation.tsv"
        (folder / full).write_text(AREAS)
        files[full] = folder / full
    return files


def alf_spikes(folder: Path) -> Path:
    """spikes.times.npy of an ALF folder, with its companions beside it."""
    return alf(folder)["spikes.times.npy"]
