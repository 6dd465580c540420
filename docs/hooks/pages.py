"""Pages of the site that are made when it is built.

The notebook, CONTRIBUTING and CHANGELOG stay where readers of the repository look for them. Plug-ins (decoders,
deconvolvers, simulators) are listed in the API reference from their registries, so that a new one is there, too.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
REGISTRIES = {
    "api/decoders.md": "neuropipe.decoders",
    "api/calcium.md": "neuropipe.calcium",
    "api/fields.md": "neuropipe.fields",
    "api/simulate.md": "neuropipe.simulate",
}


def on_files(files: Files, config: Any, **_: Any) -> Files:
    notebook = files.get_file_from_path("tutorial.ipynb")
    assert notebook is not None
    files.append(File.generated(config, "tutorial.md", content=notebook_as_markdown(ROOT / "docs" / "tutorial.ipynb")))
    for name in ("CONTRIBUTING", "CHANGELOG"):
        text = (ROOT / f"{name}.md").read_text().replace("](docs/", "](")
        files.append(File.generated(config, f"{name.lower()}.md", content=text))
    sys.path.insert(0, str(ROOT))
    for page, package in REGISTRIES.items():
        listed = files.get_file_from_path(page)
        assert listed is not None
        files.remove(listed)
        text = (ROOT / "docs" / page).read_text()
        files.append(File.generated(config, page, content=f"{text}\n{plugins(package)}"))
    return files


def plugins(package: str) -> str:
    """What each plug-in of a package is, without the methods that all of its kind have."""
    available = importlib.import_module(package).available()
    entries = [f"::: {plugin.module}.{plugin.attribute}" for plugin in available.values()]
    options = "    options:\n      members: []\n      show_root_full_path: false\n      heading_level: 3\n"
    return "\n".join(f"{entry}\n{options}" for entry in entries)


def notebook_as_markdown(path: Path) -> str:
    """Cells and their stored output as one page."""
    parts = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(f"```python\n{cell.source}\n```")
            parts += [shown for output in cell.outputs if (shown := _output(output))]
    parts.append("This page is a notebook: [tutorial.ipynb](tutorial.ipynb).")
    return "\n\n".join(parts)


def _output(output: Any) -> str:
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```"
    data = output.get("data", {})
    if "image/png" in data:
        return f"![Plot made by the code above](data:image/png;base64,{data['image/png'].strip()})"
    return f"```text\n{data['text/plain']}\n```" if "text/plain" in data else ""
