"""The README's short table: simple decoders, the best of the others, and the baselines."""

from collections.abc import Mapping

SIMPLE = ("logistic_regression", "rate_logistic")
BASELINES = ("previous label", "majority")
N_OTHERS = 3
SCHEMES = {"rolled folds": "rolled", "blocked folds, gap 1": "blocked"}

Rows = Mapping[str, Mapping[str, str]]  # name of a result -> its row


def table(results: Rows) -> str:
    """Accuracy of a few decoders, the best first, and of the baselines. The others are ranked by rolled folds."""
    scored = [name for name in results if name.startswith("accuracy: ")]
    models = dict.fromkeys(name.removeprefix("accuracy: ").partition(", ")[0] for name in scored)
    others = sorted(
        (name for name in models if name not in SIMPLE + BASELINES), key=lambda name: -_value(results, name)
    )
    shown = sorted([*SIMPLE, *others[:N_OTHERS]], key=lambda name: -_value(results, name))
    lines = [f"| decoder | {' | '.join(SCHEMES)} |", "|---" * (len(SCHEMES) + 1) + "|"]
    for model in [*shown, *BASELINES]:
        lines.append(f"| {model} | {' | '.join(_cell(results, model, scheme) for scheme in SCHEMES.values())} |")
    return "\n".join(lines)


def _value(results: Rows, model: str) -> float:
    return float(results[f"accuracy: {model}, rolled"]["value"])


def _cell(results: Rows, model: str, scheme: str) -> str:
    row = results[f"accuracy: {model}, {scheme}"]
    return f"{float(row['value']):.3f} ({float(row['low']):.2f} to {float(row['high']):.2f})"
