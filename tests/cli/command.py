"""The command in this process: the same click program, in an installation of its own."""

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from assets.cli import neuropipe
from tests.installation import Place


@dataclass(frozen=True)
class Answer:
    """What a command said. code : its exit status."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> Any:
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """All that was printed, on one line."""
        return " ".join((self.out + self.err).split())


def ask(place: Place, *arguments: str, **environment: str | None) -> Answer:
    """Run a command; anything but the exit codes it promises is a failure of the test."""
    said = CliRunner().invoke(neuropipe, arguments, env={**place.environment, **environment})
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    return Answer(said.exit_code, said.stdout, said.stderr)


def get(place: Place, *arguments: str, **environment: str | None) -> Any:
    """What a command that must succeed prints with --json."""
    answer = ask(place, *arguments, "--json", **environment)
    assert answer.code == 0, answer.err
    return answer.rows


def show(place: Place, asset: str, *arguments: str) -> dict[str, Any]:
    """field -> value of `show`, of one artifact."""
    return {row["field"]: row["value"] for row in get(place, "show", asset, *arguments)}


def counts(summary: dict) -> tuple[int, int, int]:
    """(hit, run, failed) of `run --json`."""
    return summary["hit"], summary["run"], summary["failed"]


def states(place: Place, *arguments: str) -> dict[str, str]:
    """asset -> state of `plan`, of one session."""
    return {row["asset"]: row["state"] for row in get(place, "plan", *arguments)}


def artifacts(place: Place) -> list[str]:
    """Everything in the store that somebody made: all but the cache of code versions."""
    store = place.root / "artifacts"
    return sorted(str(path) for path in store.rglob("*") if path.relative_to(store).parts[0] != ".cache")
