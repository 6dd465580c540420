"""Pages of the site that are made when it is built: the notebook, CONTRIBUTING and CHANGELOG.

The sources stay where readers of the repository look for them.
"""

from pathlib import Path
from typing import Any

import nbformat
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]


def on_files(files: Files, config: Any, **_: Any) -> Files:
    notebook = files.get_file_from_path("tutorial.ipynb")
    assert notebook is not None
    files.append(File.generated(config, "tutorial.md", content=notebook_as_markdown(ROOT / "docs" / "tutorial.ipynb")))
    for name in ("CONTRIBUTING", "CHANGELOG"):
        text = (ROOT / f"{name}.md").read_text().replace("](docs/", "](")
        files.append(File.generated(config, f"{name.lower()}.md", content=text))
    return files


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
