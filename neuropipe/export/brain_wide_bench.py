"""Submissions to the IBL's BrainWideBench, as its scorer takes them (`ibl_bwb_eval` 0.1.0); written without it.

A submission is `<label>/<task>/<recording id>/seed_<seed>.safetensors`, the truth
`<task>/<recording id>/ground_truth.safetensors`. Suite 1 asks for classes of trials (`predictions` (trial, 1, class)
logits, `trial_id`), suite 2 for counts of spikes (`predictions` (window, bin, unit) log of the expected count,
`window_timestamps`). https://github.com/brainbench-org/ibl-bwb: src/ibl_bwb_eval/predictions.py and scoring/;
the numbers of classes are in ibl_brain_wide_bench_2026/pipeline.py (CHOICE_MAP, REWARD_MAP, CONTRAST_MAP).
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.export.content import SessionContent
from neuropipe.registry import exporter
from neuropipe.schemas.binned import TrialBins
from neuropipe.schemas.predictions import Predictions

VERSION = "0.1.0"  # of the scorer whose format this is
TRIAL_TASKS: Mapping[str, Mapping[float, int]] = {
    "choice": {-1.0: 0, 1.0: 1},
    "reward": {-1.0: 0, 1.0: 1},
    "stimulus_contrast": {0.0: 0, 0.0625: 1, 0.125: 2, 0.25: 3, 1.0: 4},
}
# What our labels are there: columns of the laboratory's table of trials, and of simulated sessions.
TASK_OF = {"choice": "choice", "response_choice": "choice", "feedbackType": "reward", "feedback": "reward"}
COUNT_TASKS = ("co_smoothing", "forecasting")
SMALLEST = 1e-12  # probability whose logarithm is still finite in single precision
SEED = 43  # the first of the benchmark's own (src/ibl_bwb_eval/protocol.py)
PREDICTIONS, TRUTH, MARKER = "predictions", "ground_truth", "submission.json"


@exporter("bwb", suffix="", assets=("decoder/*",), many=True, folder=True, marker="submission.json")
def write(session: SessionContent, path: Path) -> None:
    """Folders `predictions` (a submission per decoder, in blocked folds) and `ground_truth`, as the scorer takes them.

    The task is that of the session's label: choice, or feedback as `reward`; trials of other classes (no choice) are
    left out of both. The recording is called by its id where the catalogue's note holds it, else by the session's key.
    """
    binned = session.assets["binned"].content
    if getattr(binned, "label", None) not in TASK_OF:
        raise BadInput(
            f"{session.key} decodes {getattr(binned, 'label', 'no label of trials')}; BrainWideBench asks for choices "
            f"or rewards (labels {', '.join(TASK_OF)})"
        )
    task = TASK_OF[binned.label]
    known = re.search(r"one:([0-9a-f-]{36})", session.note)
    recording_id = known[1] if known else session.key
    trials = binned.trials[[_is_class(task, name) for name in binned.trials["label"]]]
    for name, made in session.group("decoder").items():
        write_predictions(
            path / PREDICTIONS, task, recording_id, label=name, seed=SEED, predictions=made.content, binned=binned
        )
    write_true_classes(
        path / TRUTH, task, recording_id, trials=trials["trial"].to_numpy(), labels=trials["label"].tolist()
    )
    facts = {"session": session.key, "task": task, "recording_id": recording_id, "identifier": session.identifier}
    score = f"python -m ibl_bwb_eval.scoring.ts1 --pred_dir {PREDICTIONS} --gt_dir {TRUTH}"
    (path / MARKER).write_text(json.dumps(facts | {"score": score}, indent=1) + "\n", encoding="utf-8")


def write_classes(
    root: Path,
    task: str,
    recording_id: str,
    *,
    label: str,
    seed: int,
    trials: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[object],
) -> Path:
    """The predicted classes of trials as a submission to suite 1; the path of its file.

    task : choice, reward or stimulus_contrast; recording_id : eid of the session; label : name of the submission
    trials : (trial,) row of each in the session's table of trials; probabilities : (trial, class); classes : what the
    columns stand for, as the table of trials writes it (-1 and 1; feedbackType; contrasts). A class of the task that
    the model doesn't know gets a probability of 0.
    Raises BadInput for classes that the task doesn't have, and for arrays that don't fit together.
    """
    codes = _codes(task, classes)
    given = np.asarray(probabilities, np.float64)
    rows = _trials(trials, len(given))
    if given.shape != (len(rows), len(codes)) or not np.isfinite(given).all() or given.min(initial=0) < 0:
        raise BadInput(
            f"probabilities are {given.shape}; they must be (trial, class), ({len(rows)}, {len(codes)}), 0 or more"
        )
    logits = np.full((len(rows), 1, len(TRIAL_TASKS[task])), np.log(SMALLEST), np.float32)
    logits[:, 0, codes] = np.log(np.maximum(given, SMALLEST))
    path = root / label / f"ts1-{task}" / recording_id / f"seed_{seed}.safetensors"
    return _write(path, {"predictions": logits, "trial_id": rows}, f"ts1-{task}", recording_id, label=label, seed=seed)


def write_predictions(
    root: Path,
    task: str,
    recording_id: str,
    *,
    label: str,
    seed: int,
    predictions: Predictions,
    binned: TrialBins,
    scheme: str = "blocked",
) -> Path:
    """The out-of-fold predictions of a decoder as a submission to suite 1; the path of its file.

    predictions : of a `decoder/<name>`; binned : what they were made from; scheme : of the folds. Other arguments as of
    `write_classes`; classes that the task doesn't have are left out, with the trials of them, and the others' shares
    add up to 1. Raises BadInput where these folds were not made, or a trial was predicted more than once.
    """
    table = predictions.predictions
    rows = table[table["scheme"] == scheme]
    classes = predictions.classes
    if classes is None or rows.empty:
        known = ", ".join(sorted(set(table["scheme"])))
        raise BadInput(f"there are no predicted classes in {scheme} folds; there are predictions in {known} folds")
    kept = [name for name in classes if _is_class(task, name)]
    rows = rows[rows["y_true"].isin(kept)]
    trials = binned.trials["trial"].to_numpy()[rows["sample"].to_numpy()]
    shares = np.maximum(rows[[f"p_{name}" for name in kept]].to_numpy(), SMALLEST)
    return write_classes(
        root,
        task,
        recording_id,
        label=label,
        seed=seed,
        trials=trials,
        probabilities=shares / shares.sum(axis=1, keepdims=True),
        classes=kept,
    )


def write_true_classes(
    root: Path, task: str, recording_id: str, *, trials: np.ndarray, labels: Sequence[object]
) -> Path:
    """The true classes of trials as the scorer of suite 1 reads them; the path of its file. Arguments as above."""
    codes = np.array(_codes(task, labels), np.float32)
    rows = _trials(trials, len(codes))
    path = root / f"ts1-{task}" / recording_id / "ground_truth.safetensors"
    return _write(path, {"values": codes[:, None], "trial_id": rows}, f"ts1-{task}", recording_id)


def write_counts(
    root: Path,
    task: str,
    recording_id: str,
    *,
    label: str,
    seed: int,
    window_starts: np.ndarray,
    expected: np.ndarray,
) -> Path:
    """Predicted counts of spikes as a submission to suite 2; the path of its file.

    task : co_smoothing or forecasting; window_starts : (window,) s; expected : (window, bin, unit) counts per bin,
    above 0: the units and bins that were held out
    """
    starts = _windows(task, window_starts, expected)
    if not (np.isfinite(expected).all() and np.min(expected, initial=np.inf) > 0):
        raise BadInput("expected counts must be finite and above 0: a Poisson rate of 0 gives no bits per spike")
    path = root / label / f"ts2-{task}" / recording_id / f"seed_{seed}.safetensors"
    arrays = {"predictions": np.log(expected).astype(np.float32), "window_timestamps": starts}
    return _write(path, arrays, f"ts2-{task}", recording_id, label=label, seed=seed)


def write_true_counts(
    root: Path, task: str, recording_id: str, *, window_starts: np.ndarray, counts: np.ndarray
) -> Path:
    """The true counts as the scorer of suite 2 reads them; the path of its file. counts : (window, bin, unit)"""
    starts = _windows(task, window_starts, counts)
    path = root / f"ts2-{task}" / recording_id / "ground_truth.safetensors"
    arrays = {"targets": np.asarray(counts, np.float32), "window_timestamps": starts}
    return _write(path, arrays, f"ts2-{task}", recording_id)


def _codes(task: str, classes: Sequence[object]) -> list[int]:
    """The task's number of each class."""
    if task not in TRIAL_TASKS:
        raise BadInput(f"BrainWideBench has no task {task!r} of classes; it has {', '.join(TRIAL_TASKS)}")
    known = TRIAL_TASKS[task]
    found = []
    for name in classes:
        try:
            found.append(known[float(str(name))])
        except (KeyError, ValueError):
            raise BadInput(
                f"{task} of BrainWideBench has the classes {', '.join(f'{each:g}' for each in known)}, not {name}; "
                "leave such trials out"
            ) from None
    return found


def _is_class(task: str, name: object) -> bool:
    try:
        return float(str(name)) in TRIAL_TASKS[task]
    except (KeyError, ValueError):
        return False


def _trials(trials: np.ndarray, n: int) -> np.ndarray:
    rows = np.asarray(trials)
    if rows.shape != (n,) or rows.dtype.kind not in "iu" or len(np.unique(rows)) != n:
        raise BadInput(f"trials are {rows.dtype} {rows.shape}; give each of {n} predictions a row of its own")
    return rows.astype(np.int64)


def _windows(task: str, starts: np.ndarray, values: np.ndarray) -> np.ndarray:
    if task not in COUNT_TASKS:
        raise BadInput(f"BrainWideBench has no task {task!r} of counts; it has {', '.join(COUNT_TASKS)}")
    times = np.asarray(starts, np.float64)
    if np.ndim(values) != 3 or times.shape != np.shape(values)[:1] or len(np.unique(times)) != len(times):
        raise BadInput(
            f"counts are {np.shape(values)} and windows {times.shape}; give (window, bin, unit), each window once"
        )
    return times


def _write(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    task: str,
    recording_id: str,
    *,
    label: str | None = None,
    seed: int | None = None,
) -> Path:
    from safetensors.numpy import save_file

    if any(part in ("", ".", "..") or "/" in part for part in (recording_id, label or "-")):
        raise BadInput(f"{recording_id!r} and {label!r} become folders; give plain names")
    said = {"task": task, "recording_id": recording_id, "ibl_bwb_eval_version": VERSION}
    said |= {} if label is None else {"label": label, "seed": str(seed)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, path, metadata=said)
    return path
