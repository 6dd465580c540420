"""What `gc` must keep: everything that today's code, catalogue and settings lead to, and variants made with --set."""

from pathlib import Path

from neuropipe.errors import BadInput
from resources.store.pipeline import Pipeline
from resources.store.plan import Decision, Planner, decide_variant


def needed_artifacts(pipeline: Pipeline, *, variants: bool = True) -> set[Path]:
    """Directories of the artifacts that the pipeline uses. variants : also those made with --set, while current.

    What a session has last had stays as well, although it is stale: it is what tables show until it is made again.
    """
    planner, store = Planner(pipeline), pipeline.workspace.store
    kept: set[Path] = set()

    def keep(decision: Decision) -> None:
        if decision.state == "hit" and decision.fingerprint is not None:
            newest = store.newest(decision.holder, decision.fingerprint)
            if newest is not None:
                kept.add(newest)

    for session in [*planner.catalog, None]:
        key = session.key if session is not None else None
        for name, stage in pipeline.stages.items():
            if stage.partitioned != (session is not None):
                continue
            keep(planner.decide(name, session))
            if (latest := store.latest(name, key)) is not None:
                kept.add(latest.path)
            for variant in store.variants(name, key) if variants else ():
                today = decide_variant(pipeline, name, variant, session)
                if today.fingerprint == variant.artifact.fingerprint:
                    keep(today)
    return kept


def needed_progress(pipeline: Pipeline, *, variants: bool = True) -> set[Path]:
    """Folders of checkpoints from which work that is still to be done would resume."""
    kept = set()
    for folder, owner in pipeline.workspace.store.progress_owners().items():
        if owner is None or owner.get("asset") not in pipeline.stages:
            continue
        try:
            planner = Planner(pipeline, owner["overrides"])
            if planner.variant(owner["asset"]) and not variants:
                continue
            session = planner.catalog.session(owner["session"]) if owner["session"] else None
            decision = planner.decide(owner["asset"], session)
        except (BadInput, KeyError):  # a session or a setting that is no more
            continue
        if decision.state == "run" and decision.fingerprint == owner["fingerprint"]:
            kept.add(folder)
    return kept
