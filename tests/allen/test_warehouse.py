"""Files that allensdk makes: what is refused before its environment runs, and what it may answer."""

import numpy as np
import pytest

from neuropipe.catalog import FileEntry
from neuropipe.errors import BadInput
from resources.allen import warehouse
from resources.fetch.downloads import RawFiles
from resources.fetch.file_spec import FileSpec

URL = "allensdk://127.0.0.1:1/ecephys/12"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Looks as if `make allen` had run."""
    folder = tmp_path / ".venv-allen"
    (folder / "bin").mkdir(parents=True)
    for name in ("bin/python", ".stamp"):
        (folder / name).touch()
    monkeypatch.setattr(warehouse, "ENVIRONMENT", folder)
    return folder


def fetch(folder, answer=None, url=URL):
    """The raw file of an address; `answer` : what the environment does of a job."""
    raw = RawFiles(folder / "raw")
    with warehouse.run_by(answer or (lambda command, job: {})):
        return raw.fetch(FileSpec(name="session.npz", url=url))


def test_without_its_environment_the_command_that_makes_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(warehouse, "ENVIRONMENT", tmp_path / "nothing")
    with pytest.raises(BadInput, match=r"allensdk's environment is not there .*nothing\): run `make allen`"):
        fetch(tmp_path)


def test_half_an_environment_is_none(tmp_path, environment):
    (environment / ".stamp").unlink()
    with pytest.raises(BadInput, match="run `make allen`"):
        fetch(tmp_path)


@pytest.mark.parametrize("path", ["ecephys/abc", "lfp/3", "ecephys/3/more"])
def test_an_address_of_another_form_is_refused(path, tmp_path, environment):
    with pytest.raises(BadInput, match="is not what allensdk reads: give allensdk://api.brain-map.org/ecephys/<id>"):
        fetch(tmp_path, url=f"allensdk://api.brain-map.org/{path}")


def test_outside_a_step_nothing_runs(tmp_path, environment):
    with pytest.raises(BadInput, match="`neuropipe run recording --session KEY`"):
        warehouse.make(URL, tmp_path / "out.npz", tmp_path)


def test_what_it_refuses_is_passed_on(tmp_path, environment):
    with pytest.raises(BadInput, match="^no such session$"):
        fetch(tmp_path, lambda command, job: {"refused": "no such session"})


def test_a_death_tells_the_last_words(tmp_path, environment):
    def die(command, job):
        with open(job["printed"], "w") as file:
            file.write("Traceback\nMemoryError: too large\n")
        return {}

    with pytest.raises(BadInput, match="died without an answer; the last it printed was 'MemoryError: too large'"):
        fetch(tmp_path, die)


def test_a_file_is_kept_like_any_other(tmp_path, environment):
    asked = []

    def make(command, job):
        asked.append((command[-1].rpartition("/")[2], job["host"], job["kind"], job["id"]))
        with open(job["output"], "wb") as file:
            np.savez(file, a=np.arange(3))
        return {"done": {}}

    path = fetch(tmp_path, make)
    assert np.load(path)["a"].tolist() == [0, 1, 2]
    assert asked == [("export.py", "127.0.0.1:1", "ecephys", "12")]
    spec = FileSpec(name="session.npz", url=URL, sha256=path.name)
    assert RawFiles(tmp_path / "raw").fetch(spec) == path, "found by its hash, without the environment"
    assert RawFiles(tmp_path / "raw").check_upstream(spec) == "unknown"


def test_a_mirror_stands_in_for_it(tmp_path):
    copy = tmp_path / "mirror" / "api.brain-map.org" / "ecephys" / "12"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"exported elsewhere")
    raw = RawFiles(tmp_path / "raw", str(tmp_path / "mirror"))
    path = raw.fetch(FileSpec(name="session.npz", url="allensdk://api.brain-map.org/ecephys/12"))
    assert path.read_bytes() == b"exported elsewhere"


def test_the_catalogue_takes_such_an_address():
    assert FileEntry(url=URL).url == URL
    with pytest.raises(ValueError, match="not an http"):
        FileEntry(url="ftp://host/file")
