"""Decoders: every one on the real session with its difference to logistic regression, behaviour, other sessions."""

import sys
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from assets.pipeline import build_pipeline
from assets.stages.results.leaderboard import collect
from benchmarks.artifacts import current, evaluation_of, make
from benchmarks.results import RIVAL, Result
from neuropipe import decoders
from neuropipe.evaluation import paired_difference
from neuropipe.evaluation.across_sessions import compare_across_sessions
from resources.store.artifact import Artifact
from resources.store.pipeline import Pipeline
from resources.store.plan import Overrides, Planner

CHOICE, FEEDBACK, SIMULATED = "steinmetz-choice.cori-2016-12-18", "steinmetz-feedback", "sim-choice.small"
MOVEMENT, DIRECTION = "reaching-m1.stevenson-2011", "head-direction.a2929-200711"
SEEDS = range(5)
OF_MANY_SEEDS = "mean of 5 seeds and of their intervals' bounds"
SEEDED = ("rnn", "gru", "lstm", "transformer", "token_transformer", "spike_transformer")
TWO_SCHEMES = {"folds": {"schemes": ["rolled", "blocked"]}}
ASKED = {"rnn": ">= .86", "gru": ">= .86", "lstm": ">= .85", "transformer": ">= .83", "token_transformer": ">= .81"}
ASKED |= {
    "spike_transformer": ">= .82",
    "svm": ">= .84",
    "pca_logistic": ">= .84",
    "ensemble": ">= .88",
    RIVAL: ">= .89",
}
ASKED_OF_MOVEMENT = {"ridge": (">= .83", ">= .76")}
ASKED_OF_THE_BEST = (">= .91", ">= .89")


def measure() -> Iterator[Result]:
    pipeline = build_pipeline()
    yield from _choice(pipeline)
    yield from _movement(pipeline)
    yield from _direction(pipeline)
    yield from _simulated(pipeline)
    yield from _feedback(pipeline)


def _choice(pipeline: Pipeline) -> Iterator[Result]:
    command = f"neuropipe run 'decoder/*' --session {CHOICE} --set 'folds.schemes=[\"rolled\", \"blocked\"]'"
    made = {name: _made(pipeline, CHOICE, name, TWO_SCHEMES) for name in _of("classification")}
    rival, seconds, rows = made[RIVAL][0], 0.0, []
    for name, first in made.items():
        every = [first, *_reseeded(pipeline, name)] if name in SEEDED else [first]
        rows.append((name, every, _mean_score(every, "rolled", "accuracy")))
        folds = len(first[0].table("predictions").groupby(["scheme", "fold"]))
        if name != "spike_transformer":
            seconds += sum(first[0].metadata["fold_seconds"]) * 5 / folds
    for name, every, (value, low, high) in sorted(rows, key=lambda row: -row[2][0]):
        note = OF_MANY_SEEDS if len(every) > 1 else ""
        yield Result(f"accuracy: {name}, rolled", value, low, high, ASKED.get(name, ""), 0, command, note)
        value, low, high = _mean_score(every[:1], "blocked", "accuracy")
        yield Result(f"accuracy: {name}, blocked", value, low, high, "", 0, command)
        value, low, high = _mean_score(every, "rolled", "log_loss")
        yield Result(f"log loss: {name}, rolled", value, low, high, "", 0, command, note)
        if name != RIVAL:
            differences = [_difference(decoded, rival) for decoded, _ in every]
            value, low, high = np.mean(differences, axis=0)
            yield Result(f"accuracy over {RIVAL}: {name}, rolled", value, low, high, "", 0, command, note)
    for baseline, metric in (("previous label", "accuracy_previous"), ("majority", "accuracy_majority")):
        for scheme in ("rolled", "blocked"):
            yield Result(
                f"accuracy: {baseline}, {scheme}", *_mean_score([made[RIVAL]], scheme, metric), command=command
            )
    note = "of one core, 5 folds, one seed, the mean fold over all schemes; spike_transformer left out"
    yield Result(
        "seconds: every decoder", seconds, asked="< 1800 (15 minutes on two cores)", command=command, note=note
    )


def _difference(decoded: Artifact, rival: Artifact) -> tuple[float, float, float]:
    ours, theirs = (each.table("predictions").query("scheme == 'rolled'") for each in (decoded, rival))
    row = paired_difference(ours, theirs).iloc[0]
    return row["value"], row["ci_low"], row["ci_high"]


def _reseeded(pipeline: Pipeline, name: str) -> Iterator[tuple[Artifact, pd.DataFrame]]:
    for seed in SEEDS[1:]:
        yield _made(pipeline, CHOICE, name, {"folds": {"schemes": ["rolled"]}, f"decoder/{name}": {"seed": seed}})


def _movement(pipeline: Pipeline) -> Iterator[Result]:
    command = f"neuropipe run 'evaluation/decoder/*' --session {MOVEMENT}"
    made = {name: _made(pipeline, MOVEMENT, name) for name in _of("regression")}
    columns = ("r2_velocity_x", "r2_velocity_y")
    best = max(made, key=lambda name: _mean_score([made[name]], "blocked", "r2")[0])
    for name in sorted(made, key=lambda name: -_mean_score([made[name]], "blocked", "r2")[0]):
        asked = ASKED_OF_THE_BEST if name == best else ASKED_OF_MOVEMENT.get(name, ("", ""))
        for column, least in zip(columns, asked, strict=True):
            value, low, high = _mean_score([made[name]], "blocked", column)
            yield Result(f"hand velocity, {column}: {name}, blocked", value, low, high, least, 0, command)


def _direction(pipeline: Pipeline) -> Iterator[Result]:
    command = f"neuropipe run 'evaluation/decoder/*' --session {DIRECTION}"
    rows = [
        (name, *_mean_score([_made(pipeline, DIRECTION, name)], "blocked", "median_error"))
        for name in _of("regression")
    ]
    for name, value, low, high in sorted(rows, key=lambda row: row[1]):
        yield Result(f"head direction, median error (degrees): {name}", value, low, high, "<= 20", 0, command)


def _simulated(pipeline: Pipeline) -> Iterator[Result]:
    command = f"neuropipe run --session {SIMULATED}"
    session = pipeline.workspace.catalog.session(SIMULATED)
    made = {name: _made(pipeline, SIMULATED, name) for name in _of("classification") if not _slow(name)}
    recording = current(Planner(pipeline), "recording", session)
    truth = {name: recording.arrays["truth"][f"latent_optimal_accuracy{name}"][...] for name in ("", "_interval")}
    yield Result("simulated choice: latent optimum", float(truth[""]), *map(float, truth["_interval"]), command=command)
    rows = [(name, *_mean_score([each], "blocked", "accuracy")) for name, each in made.items()]
    best = max(row[1] for row in rows)
    for name, value, low, high in sorted(rows, key=lambda row: -row[1]):
        asked = f">= {float(truth['']) - 0.02:.3f}" if value == best else ""
        yield Result(f"simulated choice, accuracy: {name}", value, low, high, asked, 0, command)


def _feedback(pipeline: Pipeline) -> Iterator[Result]:
    """Scores of every decoder on other sessions. Slow decoders are read where the store holds them, and not made.

    Decoders are compared when they have a score in all sessions, as means over different sessions can't be compared.
    """
    command = f"neuropipe run 'decoder/*' --session '{FEEDBACK}.*'; neuropipe leaderboard --across"
    sessions = pipeline.workspace.catalog.match((f"{FEEDBACK}.*",))
    for session in sessions:
        for name in _of("classification"):
            if not _slow(name):
                _made(pipeline, session.key, name)
    planner = Planner(pipeline)
    ranked = collect(planner, {session.key for session in sessions})
    scores = ranked[(ranked["state"] == "current") & (ranked["variant"] == "") & (ranked["scheme"] == "blocked")]
    for row in scores.sort_values(["model", "session"]).itertuples():
        session = pipeline.workspace.catalog.session(row.session)
        table = current(planner, evaluation_of(row.model), session).table("scores").set_index(["scheme", "metric"])
        # Most trials are rewarded, so that sessions are ranked by balanced accuracy.
        for metric in ("accuracy", "balanced_accuracy"):
            own = table.loc[("blocked", metric)]
            name = f"feedback, {metric}: {row.model}, {session.key.partition('.')[2]}"
            yield Result(name, own["value"], own["ci_low"], own["ci_high"], command=command)
    scores = scores.groupby("model").filter(lambda rows: rows["session"].nunique() == len(sessions))
    for metric in ("balanced_accuracy", "accuracy", "log_loss"):
        compared = compare_across_sessions(scores, RIVAL, column=metric, lower_is_better=metric == "log_loss")
        for row in compared.itertuples():
            note = f"{row.n_sessions} sessions"
            if row.model != RIVAL:
                note += f"; median gain over {RIVAL} {row.median_difference:+.3f}, better in {row.n_better:g}, "
                note += f"Wilcoxon p {row.p_value:.3f}, Holm {row.p_holm:.3f}"
            yield Result(f"feedback, mean {metric}: {row.model}", row.mean, command=command, note=note)


def _of(task: str) -> list[str]:
    return [name for name, plugin in decoders.available().items() if plugin.facts["task"] == task]


def _slow(name: str) -> bool:
    return decoders.available()[name].facts.get("slow", False)


def _made(pipeline: Pipeline, key: str, name: str, overrides: Overrides | None = None) -> tuple[Artifact, pd.DataFrame]:
    """A decoder's artifact and its scores by scheme and metric."""
    session, asset = pipeline.workspace.catalog.session(key), evaluation_of(name)
    make(pipeline, [session], [asset], overrides)
    planner = Planner(pipeline, overrides or {})
    decoder, scores = (current(planner, each, session) for each in (f"decoder/{name}", asset))
    print(f"{name} of {key} {overrides or ''}: done", file=sys.stderr, flush=True)
    return decoder, scores.table("scores").set_index(["scheme", "metric"])


def _mean_score(every: list[tuple[Artifact, Mapping]], scheme: str, metric: str) -> tuple[float, float, float]:
    """Value and interval, means over seeds."""
    rows = [scores.loc[(scheme, metric), ["value", "ci_low", "ci_high"]] for _, scores in every]
    return tuple(np.mean(rows, axis=0).astype(float))
