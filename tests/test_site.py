"""The documentation: the tutorial shows what its code prints, the site builds with every link right, paths exist."""

import base64
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from nbclient import NotebookClient

from tests.installation import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


def shown(notebook: nbformat.NotebookNode) -> list[str]:
    """What the cells print, as text; a plot counts by being there."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [
        output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")
        for output in outputs
    ]


@pytest.mark.slow
def test_the_tutorial_shows_what_its_code_prints(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    stored = nbformat.read(NOTEBOOK, as_version=4)
    executed = NotebookClient(nbformat.read(NOTEBOOK, as_version=4), timeout=120, record_timing=False).execute()
    assert shown(executed) == shown(stored), "make tutorial"
    pictures = [
        output.data["image/png"]
        for cell in stored.cells
        for output in cell.get("outputs", [])
        if "data" in output and "image/png" in output.data
    ]
    assert len(pictures) == 2
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)


class Page(HTMLParser):
    """Links and anchors of a page, and the addresses that a browser would fetch to show it."""

    def __init__(self, path: Path):
        super().__init__()
        self.links, self.fetched, self.anchors = set(), set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])
        if tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.fetched.add(given["src"])
        if tag == "link" and given.get("rel") in ("stylesheet", "icon", "preconnect", "preload"):
            self.fetched.add(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> dict[Path, Page]:
    """The built site: path -> page. A warning, such as of a broken link, stops the build."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(build, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path: Page(path) for path in folder.rglob("*.html")}


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere(site):
    broken = []
    for path, page in site.items():
        for link in page.links | page.fetched:
            parts = urlsplit(link)
            if parts.scheme or link.startswith(("//", "data:")) or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (
                parts.fragment and target in site and not anchored(site[target], parts.fragment)
            ):
                broken.append(f"{path.name}: {link}")
    assert broken == []


def anchored(page: Page, fragment: str) -> bool:
    return unquote(fragment) in page.anchors or fragment.startswith("__")


@pytest.mark.slow
def test_a_reader_of_the_site_fetches_nothing_from_elsewhere(site):
    away = {address for page in site.values() for address in page.fetched if urlsplit(address).netloc}
    assert away == set()


@pytest.mark.slow
def test_every_public_function_is_in_the_reference(site):
    from neuropipe import binning, evaluation, folds

    anchors = {anchor for page in site.values() for anchor in page.anchors}
    functions = [(module, name) for module in (binning, evaluation, folds) for name in module.__all__ if name.islower()]
    missing = [f"{module.__name__}.{name}" for module, name in functions if f"{module.__name__}.{name}" not in anchors]
    assert missing == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "README.md"])
def test_paths_that_a_page_names_exist(page):
    paths = re.findall(
        r"`((?:neuropipe|assets|resources|tests|docs|data|benchmarks|locks)/[\w./-]*)`", (ROOT / page).read_text()
    )
    assert [path for path in paths if not (ROOT / path).exists()] == []
