"""What a child process is told: plain JSON from which it makes the same pipeline and finds the same inputs."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.store.artifact import Artifact, Draft
from resources.store.plan import Planner
from resources.workspace import Workspace

_FOLDERS = ("catalog_root", "store_root", "raw_root")


@dataclass(frozen=True)
class Job:
    """One stage of one session whose draft is to be filled.

    builder : `module:function` that makes the pipeline; versions : data versions of the inputs, artifacts : where they
    lie; draft, progress : folders, the latter of work that an earlier attempt left
    """

    builder: str
    folders: Mapping[str, str]
    mirror: str | None
    overrides: Mapping[str, Mapping[str, Any]]
    asset: str
    session: str | None
    fingerprint: str
    versions: Mapping[str, str | None]
    artifacts: Mapping[str, str | None]
    draft: str
    progress: str | None

    @classmethod
    def of(
        cls,
        planner: Planner,
        asset: str,
        session: str | None,
        fingerprint: str,
        versions: Mapping[str, str | None],
        artifacts: Mapping[str, Artifact | None],
        draft: Draft,
        progress: Path | None,
    ) -> "Job":
        workspace = planner.pipeline.workspace
        return cls(
            builder=planner.pipeline.builder,
            folders={name: str(getattr(workspace, name)) for name in _FOLDERS},
            mirror=workspace.mirror,
            overrides=planner.overrides,
            asset=asset,
            session=session,
            fingerprint=fingerprint,
            versions=versions,
            artifacts={name: str(artifact.path) if artifact else None for name, artifact in artifacts.items()},
            draft=str(draft.path),
            progress=str(progress) if progress else None,
        )

    def planner(self) -> Planner:
        """A planner of the same pipeline, made from the code that this process imports."""
        module, _, function = self.builder.partition(":")
        folders = {name: Path(path) for name, path in self.folders.items()}
        build = getattr(importlib.import_module(module), function)
        return Planner(build(Workspace(**folders, mirror=self.mirror)), self.overrides)
