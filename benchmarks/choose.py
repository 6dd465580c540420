"""Score variants of decoders side by side, as their defaults were chosen (docs/choices/decoders.md).

    NEUROPIPE_MIRROR=... python -m benchmarks.choose [DECODER ...]     without a name: all of them

Every variant is printed with its means over folds and tasks, and with the deciding score of each task. The sessions are
those of `steinmetz-feedback`, whose scores in docs/results are therefore no test of the defaults.
"""

import argparse
import sys

import numpy as np

from benchmarks.choices import Choice, calibrated, ensemble, linear, networks, regressors, trees

CHOICES: dict[str, Choice] = {
    name: choice
    for module in (trees, linear, calibrated, ensemble, networks, regressors)
    for name, choice in module.CHOICES.items()
}


def run(name: str, choice: Choice) -> None:
    """Print the table of one decoder."""
    table, names = [], []
    for task, X, y in choice.tasks():
        table.append(choice.scores(X, y, choice.variants).mean(axis=1))
        names.append(task)
        print(f"{name}: {task} done", file=sys.stderr, flush=True)
    scores = np.array(table)  # (task, variant, metric)
    heads = ["variant", *choice.metrics, f"{choice.metrics[0]} of {', '.join(names)}"]
    print(f"\n{name}\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for number, variant in enumerate(choice.variants):
        means = " | ".join(f"{value:.4f}" for value in scores[:, number].mean(axis=0))
        each = " ".join(f"{value:.3f}" for value in scores[:, number, 0])
        print(f"| {variant or 'defaults'} | {means} | {each} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decoders", nargs="*", metavar="DECODER", help=f"any of {', '.join(CHOICES)}")
    chosen = parser.parse_args().decoders
    unknown = [name for name in chosen if name not in CHOICES]
    if unknown:
        parser.error(f"no choice is declared for {', '.join(unknown)}; there are {', '.join(CHOICES)}")
    for name in chosen or CHOICES:
        run(name, CHOICES[name])


if __name__ == "__main__":
    main()
