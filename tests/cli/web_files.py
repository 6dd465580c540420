"""Published files of spike counts on a server of the tests' own, and the data set that names them."""

import zipfile
from pathlib import Path

import numpy as np

from tests.http_server import MisbehavingServer
from tests.installation import Place

WEB = """\
title: Counts from the web
citation: none
licence: CC0-1.0
modality: counts
reader: binned_zip
parameters: {{counts: counts.npy, labels: {{choice: choice.npy}}, bin_width: 0.1, start: 0.0}}
{task}
sessions:
  one:
    files:
      data.zip: {{url: "{url}", sha256: {sha256}}}
"""
TASK = "task: {label: choice, align: response, window: [0, 1], bin_width: 0.1, folds: {n_folds: 3}}"
RUN_WEB = ("run", "recording", "--session", "web.one")


def from_web(place: Place, server: MisbehavingServer, body: bytes, task: str = TASK, sha256: str = "null") -> None:
    """Publish a file and put the session web.one into the catalogue."""
    server.files["/data.zip"] = body
    text = WEB.format(url=server.url("/data.zip"), task=task, sha256=sha256)
    (place.root / "catalog" / "web.yaml").write_text(text)


def packed(folder: Path, **members: np.ndarray) -> bytes:
    """A zip archive of .npy members."""
    folder.mkdir(exist_ok=True)
    path = folder / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, values in members.items():
            np.save(folder / f"{name}.npy", values)
            archive.write(folder / f"{name}.npy", f"{name}.npy")
    return path.read_bytes()


def good_counts(n_trials: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"counts": rng.poisson(1.0, (n_trials, 10, 4)), "choice": np.arange(n_trials) % 2}
