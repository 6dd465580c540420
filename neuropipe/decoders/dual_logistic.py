"""L2 multinomial logistic regression solved in trial space.

With far fewer trials than features, the weights that minimise

    sum_i log-loss(y_i, softmax(W' x_i + b)) + |W|^2 / (2 C)

lie in the span of the training rows, and neither term changes when the features are rotated. So the rows are turned
once into their <= n principal axes and all values of C are solved there at once, by Newton's method with conjugate
gradients (Lin, Weng & Keerthi 2008, J Mach Learn Res 9:627). In principal axes the Hessian is close to diagonal, which
makes a good preconditioner (Boehning 1992, Ann Inst Stat Math 44:197).
"""

from collections.abc import Sequence
from copy import copy

import numpy as np

# Never reached in practice: Newton's method needs about ten steps, and a halving or two.
_MOST_NEWTON_STEPS, _MOST_HALVINGS = 100, 40


class PrincipalAxes:
    """Rotation of n training rows of p features into their r <= min(n, p) principal axes.

    training_rows : (trial, feature) float64, scaled and centred
    rows : (trial, r), the training rows in principal axes; variance : (r,), their sums of squares
    """

    def __init__(self, training_rows: np.ndarray):
        n_trials, n_features = training_rows.shape
        in_trial_space = n_trials <= n_features
        gram = training_rows @ training_rows.T if in_trial_space else training_rows.T @ training_rows
        variance, axes = np.linalg.eigh(gram)
        kept = variance > variance[-1] * max(gram.shape) * np.finfo(float).eps
        self.variance, axes = variance[kept], axes[:, kept]
        if in_trial_space:
            self._span, self._axes = training_rows, axes / np.sqrt(self.variance)
            self.rows = axes * np.sqrt(self.variance)
        else:
            self._span, self._axes = None, axes
            self.rows = training_rows @ axes

    def leading(self, n_components: int | None) -> "PrincipalAxes":
        """Only the axes of largest variance; None, or a number larger than there are, keeps all."""
        if n_components is None or n_components >= len(self.variance):
            return self
        kept = copy(self)
        kept.variance, kept.rows = self.variance[-n_components:], self.rows[:, -n_components:]
        kept._axes = self._axes[:, -n_components:]
        return kept

    def rotate(self, rows: np.ndarray) -> np.ndarray:
        """Rotate other rows (trial, feature), scaled like the training rows -> (trial, r)."""
        return (rows if self._span is None else rows @ self._span.T) @ self._axes

    def feature_weights(self, weights: np.ndarray) -> np.ndarray:
        """Weights on the principal axes (r, class) -> weights on the features (feature, class)."""
        weights = self._axes @ weights
        return weights if self._span is None else self._span.T @ weights


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities from scores; classes on the last axis."""
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def solve(
    axes: PrincipalAxes,
    labels: np.ndarray,
    inverse_penalties: Sequence[float],
    *,
    n_classes: int,
    tolerance: float = 1e-12,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (C, r, class) and intercepts (C, class) for every inverse penalty C.

    labels : (trial,) integers, each of 0 .. n_classes - 1 present. The intercept is not penalised. With two classes
    the penalty is that of the usual binary model (one weight vector), so that C means what it does in scikit-learn.
    tolerance : iteration stops when the log loss per trial can improve by less than this.
    """
    n_trials = len(axes.rows)
    penalties = (2.0 if n_classes == 2 else 1.0) / np.asarray(inverse_penalties, float)
    design = np.column_stack([axes.rows, np.ones(n_trials)])
    curvature = np.append(axes.variance, n_trials) / n_trials
    ridge = np.outer(penalties, np.append(np.ones(len(axes.variance)), 0.0))
    target = np.eye(n_classes)[:, labels]
    solution = np.zeros((n_classes, *ridge.shape))
    active = np.arange(len(penalties))
    for _ in range(_MOST_NEWTON_STEPS):
        problem = _Problem(design, curvature, ridge[active], target)
        solution[:, active], decrement = problem.newton_step(solution[:, active])
        active = active[decrement > tolerance * n_trials]
        if not len(active):
            break
    intercepts = solution[..., -1] - solution[..., -1].mean(axis=0)
    return solution[..., :-1].transpose(1, 2, 0), intercepts.T


class _Problem:
    """The objectives of several penalties, solved side by side: one matrix product serves all of them.

    Weights, gradients, steps : (class, penalty, axis); scores, probabilities : (class, penalty, trial)
    """

    def __init__(self, design, curvature, ridge, target):
        self.design, self.curvature, self.ridge, self.target = design, curvature, ridge, target[:, None, :]

    def scores(self, weights):
        return (weights.reshape(-1, weights.shape[2]) @ self.design.T).reshape(*weights.shape[:2], -1)

    def gradient(self, residuals, weights):
        data = (residuals.reshape(-1, residuals.shape[2]) @ self.design).reshape(weights.shape)
        return data + self.ridge * weights

    def objective(self, weights, scores):
        top = scores.max(axis=0)
        loss = np.log(np.exp(scores - top).sum(axis=0)) + top - (scores * self.target).sum(axis=0)
        return loss.sum(axis=1) + (self.ridge * weights**2).sum(axis=(0, 2)) / 2

    def newton_step(self, weights):
        """Weights after one step, and the Newton decrement before it: about twice the possible improvement."""
        scores = self.scores(weights)
        probability = np.exp(scores - scores.max(axis=0))
        probability /= probability.sum(axis=0)
        gradient = self.gradient(probability - self.target, weights)
        step = self._conjugate_gradients(probability, gradient)
        slope = _dot(gradient, step)
        step_scores, before = self.scores(step), self.objective(weights, scores)
        length = np.ones(len(slope))
        for _ in range(_MOST_HALVINGS):
            moved = weights + length[:, None] * step
            after = self.objective(moved, scores + length[:, None] * step_scores)
            too_far = after > before + 1e-4 * length * slope + 1e-14 * np.abs(before)
            if not too_far.any():
                break
            length[too_far] /= 2
        return moved, -slope

    def _conjugate_gradients(self, probability, gradient):
        """Approximate solution of Hessian @ step = -gradient, more exact where the gradient is smaller."""
        spread = (probability * (1 - probability)).sum(axis=2)
        diagonal = self.curvature * np.maximum(spread, 1e-10)[:, :, None] + self.ridge
        step, residual = np.zeros_like(gradient), -gradient
        conditioned = residual / diagonal
        direction, size = conditioned, _dot(residual, conditioned)
        enough = size * np.minimum(0.01, size)
        for _ in range(gradient.shape[0] * gradient.shape[2]):
            change = self.scores(direction)
            change = probability * (change - (probability * change).sum(axis=0))
            image = self.gradient(change, direction)
            bend = _dot(direction, image)
            going = (size > enough) & (bend > 0)
            if not going.any():
                break
            length = np.divide(size, bend, out=np.zeros_like(size), where=going)[:, None]
            step = step + length * direction
            residual = residual - length * image
            conditioned = residual / diagonal
            previous, size = size, np.where(going, _dot(residual, conditioned), size)
            turn = np.divide(size, previous, out=np.zeros_like(size), where=going)[:, None]
            direction = conditioned + turn * direction
        return step


def _dot(first, second):
    """Inner products over classes and axes, one per penalty."""
    return np.einsum("kpa,kpa->p", first, second)
