"""evaluation/<name>: what a decoder's out-of-fold predictions are worth, with chance and uncertainty beside it."""

import numpy as np

from assets.stages.results.evaluated_time import score_time
from neuropipe import plots as figures
from neuropipe.catalog import Session
from neuropipe.evaluation import confusion, evaluate
from resources.store.artifact import Artifact, Draft
from resources.store.stage import Stage, StageConfig, memoized


class EvaluationConfig(StageConfig):
    """n_shifts : circular shifts of the null; n_resamples : bootstrap resamples of the intervals."""

    n_shifts: int = 2000
    n_resamples: int = 2000
    seed: int = 0


def evaluation_stages(decoders: list[Stage]) -> list[Stage]:
    return [_evaluation_stage(stage) for stage in decoders]


def _evaluation_stage(evaluated: Stage) -> Stage:
    @memoized(
        name=evaluated.name.replace("decoder/", "evaluation/"),
        group="evaluation",
        inputs={"decoder": evaluated.name},
        kinds=("parquet",),
        description=(
            f"How well `{evaluated.name}` does: accuracy or R2 and other scores of its out-of-fold predictions, with "
            "95 % intervals, p against labels shifted in time, and the baselines to beat: majority and previous label, "
            "or training mean and persistence."
        ),
        config=EvaluationConfig,
        applies_to=evaluated.applies_to,
        slow=evaluated.slow,
        tools=("numpy", "scikit-learn"),
        checks={"scores_finite": "Every score and both ends of its interval are finite numbers."},
    )
    def evaluation(
        draft: Draft, session: Session, config: EvaluationConfig, decoder: Artifact, folds: Artifact, binned: Artifact
    ) -> None:
        SCORE[session.task.kind](draft, config, decoder, folds, binned)

    return evaluation


def score(draft: Draft, config: EvaluationConfig, decoder: Artifact, folds: Artifact, binned: Artifact) -> None:
    """Score the predictions of a decoder scheme by scheme, and draw what a person looks at first."""
    predictions, classes = decoder.table("predictions"), decoder.json("classes")
    table = evaluate(
        predictions,
        folds.table("folds"),
        classes,
        labels=np.array(classes)[binned.arrays["labels"][:]],
        seed=config.seed,
        n_shifts=config.n_shifts,
        n_resamples=config.n_resamples,
    )
    draft.table("scores", table)
    matrices = confusion(predictions, classes)
    draft.json("confusion", {scheme: matrix.to_numpy().tolist() for scheme, matrix in matrices.items()})
    draft.json("classes", classes)
    unknown = table[~np.isfinite(table[["value", "ci_low", "ci_high"]]).all(axis=1)]
    said = (
        f"{table['n'].min()} test trials are too few to tell {', '.join(unknown['metric'].unique())} with an interval"
    )
    draft.check("scores_finite", unknown.empty, description="" if unknown.empty else said)
    draft.figure("accuracy", figures.accuracy_with_baselines(table))
    first = next(iter(matrices))
    draft.figure(f"confusion_{first}", figures.confusion_matrix(matrices[first].to_numpy(), classes))
    accuracy = table[table["metric"] == "accuracy"].set_index("scheme")
    draft.metadata |= {
        "accuracy": {s: round(float(v), 4) for s, v in accuracy["value"].items()},
        "interval": {s: [round(float(r.ci_low), 4), round(float(r.ci_high), 4)] for s, r in accuracy.iterrows()},
        # Shuffled folds leave no stretch of test trials to shift: they have no p.
        "p_value": {s: round(float(v), 5) for s, v in accuracy["p_value"].dropna().items()},
    }


SCORE = {"classification": score, "regression": score_time}
