"""Memoised materialisation: a hit returns what is stored, a miss computes, commits and says why it had to."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from resources.run.job import Job
from resources.store.artifact import Artifact, CorruptArtifact, Draft
from resources.store.code import changed_since_start
from resources.store.plan import Decision, Planner, changes
from resources.store.running import arguments, draw, run_stage
from resources.store.stage import Stage, Unresolved, installed_version

CACHE_TAG = "neuropipe/cache"
REFRESH = "refresh"
LOG = logging.getLogger("neuropipe")


class ChangedMeanwhile(BadInput):
    """Code, configuration or inputs changed while the work ran, so that nothing was committed."""


@dataclass(frozen=True)
class Outcome:
    """What became of one (asset, session)."""

    state: Literal["hit", "miss", "n/a"]
    reason: str
    artifact: Artifact | None = None


def materialize(
    planner: Planner,
    asset: str,
    session: Session | None,
    *,
    refresh: bool = False,
    run_id: str = "",
    log: Any = LOG,
) -> Outcome:
    """Make one asset of one session be there, from the store or by running its stage.

    Raises BadInput when an input is missing or damaged; whatever the stage raises is recorded and passed on.
    """
    stage = planner.pipeline.stage(asset)
    key = session.key if session is not None else None
    if reason := planner.not_applicable(stage, session):
        return Outcome("n/a", reason)
    if stage.choose is not None:
        return _point(planner, asset, session)
    inputs: dict[str, Decision] = {}
    for parameter, needed in stage.inputs.items():
        above = planner.decide(needed.asset, session)
        if above.state == "n/a" and not needed.optional:
            return Outcome("n/a", f"{needed.asset} does not apply: {above.reason}")
        if above.state == "run":
            raise BadInput(_missing_input(asset, key, above))
        inputs[parameter] = above
    versions = {parameter: above.data_version for parameter, above in inputs.items()}
    try:
        fingerprint = planner.fingerprint(stage, session, versions)
    except Unresolved:
        planner.config(stage, session, fetch=True)
        fingerprint = planner.fingerprint(stage, session, versions)
    if not refresh and (found := _reuse(planner, asset, key, fingerprint)):
        return Outcome("hit", "fingerprint match", found)
    with planner.store.lock(asset, fingerprint):
        if not refresh and (found := _reuse(planner, asset, key, fingerprint)):
            return Outcome("hit", "made by a concurrent run", found)
        reason = "refresh asked for" if refresh else planner.why(stage, session, versions)
        log.info(f"{asset} of {key}: running ({reason})" if key else f"{asset}: running ({reason})")
        work = _Work(planner, stage, session, inputs, versions, fingerprint, log)
        try:
            artifact = work.make(new_attempt=refresh, run_id=run_id)
        except Exception as error:
            message = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
            planner.store.record_failure(asset, key, message, fingerprint, planner.variant(asset))
            raise
    point(planner, asset, key, artifact)
    return Outcome("miss", reason, artifact)


def point(planner: Planner, asset: str, key: str | None, artifact: Artifact) -> None:
    """Note that a session has an artifact: as its latest, or under the name of the variant."""
    if variant := planner.variant(asset):
        planner.store.note_variant(asset, key, artifact, variant, planner.overrides)
    else:
        planner.store.point(asset, key, artifact)
        planner.store.clear_failure(asset, key)


def _point(planner: Planner, asset: str, session: Session | None) -> Outcome:
    decision = planner.decide(asset, session)
    if decision.state == "n/a":
        return Outcome("n/a", decision.reason)
    if decision.state == "run":
        raise BadInput(_missing_input(asset, decision.session, planner.decide(decision.blocked_by, session)))
    artifact = planner.artifact(decision)
    if artifact is None:
        raise CorruptArtifact(f"{decision.holder} of {decision.session} was damaged and is set aside: run again")
    return Outcome("hit", f"points at {decision.holder}", artifact)


def _missing_input(asset: str, key: str | None, above: Decision) -> str:
    command = f"neuropipe run {above.asset}" + (f" --session {above.session}" if above.session else "")
    return f"{asset} of {key} needs {above.asset}, which is not in the store ({above.reason}): run `{command}` first"


def _reuse(planner: Planner, asset: str, key: str | None, fingerprint: str) -> Artifact | None:
    """The artifact of a fingerprint, if it is whole as far as a look at its files' sizes tells."""
    artifact = planner.store.serve(asset, fingerprint)
    if artifact is not None:
        planner.store.used([str(artifact.path)])
        point(planner, asset, key, artifact)
    return artifact


@dataclass
class _Work:
    """The making of one artifact."""

    planner: Planner
    stage: Stage
    session: Session | None
    inputs: Mapping[str, Decision]
    versions: Mapping[str, str | None]
    fingerprint: str
    log: Any
    in_child: bool = False

    @property
    def what(self) -> str:
        return f"{self.stage.name} of {self.session.key}" if self.session is not None else self.stage.name

    def make(self, *, new_attempt: bool, run_id: str) -> Artifact:
        store, stage = self.planner.store, self.stage
        artifacts = self._open_inputs()
        files = self._fetch()
        progress = self._progress() if "progress" in stage.parameters else None
        ingredients = self.planner.ingredients(stage, self.session, self.versions)
        began = time.perf_counter()
        with store.draft() as draft:
            self.in_child = stage.isolated or bool(self._changed_code())
            if self.in_child:
                self._run_in_child(draft, artifacts, progress)
            else:
                fill(self.planner, stage, self.session, artifacts, files, draft, progress, self.log)
            artifact = store.commit(
                draft,
                asset=stage.name,
                fingerprint=self.fingerprint,
                ingredients=ingredients,
                facts={
                    "seconds": round(time.perf_counter() - began, 3),
                    "created": time.time(),
                    "run_id": run_id,
                },
                new_attempt=new_attempt,
                before_commit=lambda: self._refuse_changes(ingredients, files),
            )
        if progress is not None:
            store.clear_progress(stage.name, self.fingerprint)
        return artifact

    def _open_inputs(self) -> dict[str, Artifact | None]:
        store = self.planner.store
        return {
            parameter: store.open_verified(above.holder, above.fingerprint, f"{above.asset} of {above.session}")
            if above.fingerprint
            else None
            for parameter, above in self.inputs.items()
        }

    def _fetch(self) -> dict[str, Any]:
        """name -> verified raw file, of a stage that reads them."""
        if "files" not in self.stage.parameters or self.session is None:
            return {}
        return self.planner.pipeline.workspace.sources.verified(self.session, download_progress(self.log))

    def _progress(self) -> Path:
        owner = {
            "asset": self.stage.name,
            "session": self.session.key if self.session is not None else None,
            "fingerprint": self.fingerprint,
            "overrides": self.planner.overrides,
        }
        return self.planner.store.progress(self.stage.name, self.fingerprint, owner)

    def _changed_code(self) -> list[Path]:
        """Source files of the stage that are newer than this process, which may run what they held before."""
        uses = self.stage.uses(self.planner.config(self.stage, self.session))
        return changed_since_start(self.planner.code.files(self.stage.roots(uses)))

    def _run_in_child(self, draft: Draft, artifacts: Mapping[str, Artifact | None], progress: Path | None) -> None:
        pipeline = self.planner.pipeline
        if not pipeline.builder:
            raise ChangedMeanwhile(f"the code of {self.what} changed after this process was started: start it again")
        job = Job.of(
            self.planner,
            self.stage.name,
            self.session.key if self.session is not None else None,
            self.fingerprint,
            self.versions,
            artifacts,
            draft,
            progress,
        )
        done = pipeline.workspace.compute.run(asdict(job), self.what, self.log)
        draft.metadata, draft.checks = done["metadata"], done["checks"]

    def _refuse_changes(self, ingredients: Mapping[str, Any], files: Mapping[str, Any]) -> None:
        """Compare what was read with what is there now, right before the commit."""
        installed_version.cache_clear()
        now = Planner(self.planner.pipeline, self.planner.overrides)
        now._members = self.planner._members  # committed artifacts never change; others may have joined them
        session = now.catalog.sessions.get(self.session.key) if self.session is not None else None
        if self.session is not None and session is None:
            raise ChangedMeanwhile(f"{self.session.key} left the catalogue while {self.what} ran; nothing was stored")
        if now.fingerprint(self.stage, session, self.versions) != self.fingerprint:
            found = changes(ingredients, now.ingredients(self.stage, session, self.versions))
            raise ChangedMeanwhile(f"while {self.what} ran, something {found}; nothing was stored: run again")
        if not self.in_child and (edited := self._changed_code()):
            raise ChangedMeanwhile(f"while {self.what} ran, {edited[0].name} was edited; nothing was stored: run again")
        self._open_inputs()
        for name, file in files.items():
            if not file.unchanged():
                raise ChangedMeanwhile(f"while {self.what} ran, the file {name} changed; nothing was stored: run again")


def fill(
    planner: Planner,
    stage: Stage,
    session: Session | None,
    artifacts: Mapping[str, Artifact | None],
    files: Mapping[str, Any],
    draft: Draft,
    progress: Path | None,
    log: Any,
) -> None:
    """Run a stage's function with what its signature names, write what it returns and draw its plots."""
    given = arguments(
        stage.parameters - set(stage.inputs),
        config=planner.config(stage, session),
        files={name: file.path for name, file in files.items()},
        members=planner.members(stage),
        progress=progress,
        scratch=draft.scratch,
        log=log,
    )
    schemas = {parameter: needed.schema for parameter, needed in stage.inputs.items()}
    made = run_stage(stage.function, schemas, artifacts, given, draft)
    draw(stage.plots, made, artifacts, schemas, draft, log)


SECONDS_BETWEEN_WORDS = 2.0


def download_progress(log: Any) -> Callable[[int, int | None], None]:
    """Says every few seconds how far a download has come."""
    last = time.monotonic()

    def tell(n_bytes: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_WORDS:
            last = time.monotonic()
            of_total = f" of {total / 1e6:.0f}" if total else ""
            log.info(f"downloaded {n_bytes / 1e6:.0f}{of_total} MB")

    return tell
