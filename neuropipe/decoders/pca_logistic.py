"""Logistic regression on the leading principal components of the population's spike counts."""

from neuropipe.decoders.logistic_regression import LogisticRegressionDecoder
from neuropipe.parameters import COUNT, each_of
from neuropipe.registry import decoder


@decoder("pca_logistic", task="classification", input="counts", tools=("numpy", "scikit-learn"), slow=True)
class PCALogistic(LogisticRegressionDecoder):
    """Logistic regression on principal components of pooled counts; their number is chosen inside the training trials.

    As `logistic_regression`, with one more choice: the number of leading principal components of the scaled training
    trials. The rest of the population's variance is discarded rather than penalised. The components keep their
    variances (no whitening), so that the penalty affects the weaker ones more.

    components : numbers of components to try, None for all; other parameters: as in `logistic_regression`
    settings_ : the chosen settings, best first, each with its inner log loss
    """

    _parameter_constraints = {"components": each_of(COUNT, None)}

    n_bins: tuple[int, ...] = (1, 2)
    components: tuple[int | None, ...] = (5, 10, 20, 40, 80)
    strengths: tuple[float, ...] = (4.0, 16.0, 64.0)
