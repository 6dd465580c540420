"""A small tree of sources to be edited, and the code versions of what it defines."""

import textwrap
from pathlib import Path

from resources.store.code import CodeBase, reference


class SourceTree:
    """Source files below `root`. files : path -> text."""

    def __init__(self, root: Path, files: dict[str, str]):
        self.root = root
        self.code: CodeBase | None = None
        for package in ("neuropipe", "resources", "assets"):
            self.write(f"{package}/__init__.py", "")
        for path, text in files.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        for folder in [*Path(path).parents][:-1]:
            (self.root / folder / "__init__.py").touch()
        file.write_text(textwrap.dedent(text))

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text, f"{path} does not hold {old!r}"
        (self.root / path).write_text(text.replace(old, new))

    def now(self) -> CodeBase:
        self.code = CodeBase(self.root) if self.code is None else self.code.refreshed()
        return self.code

    def version(self, *roots: str) -> str:
        return self.now().version([reference(root) for root in roots])

    def reached(self, *roots: str) -> set[str]:
        found = self.now().reachable([reference(root) for root in roots])
        return {str(each) for each in found}
