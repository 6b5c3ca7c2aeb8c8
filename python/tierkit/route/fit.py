"""A small head on top of a classifier, fitted to labels of the user's own traffic."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from tierkit.route.grams import Grams, weighted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["falling", "fitted_numbers"]

# Everything below was chosen by leaving one family out of the training data (training/REPORT.md, "fit").
# Prior: what one deviation of the base's need adds to the failure, in deviations of the labels.
_BASE_SLOPE = 0.1
# Strengths that are averaged by their evidence: of the grams, and of the measures.
_GRAM_STRENGTHS = (0.0, 0.1, 0.3, 1.0)
_MEASURE_STRENGTHS = (0.0, 0.1, 0.4)
# Log-evidence that the labels must bring before they count as saying anything: few or noisy rows change little.
_DOUBT = 3.0
_COSINES = 256
_REACH = 4.0
_HELD = 4.0
_SEED = 20261121
# The strong tier's odds of success over the cheap one's, as a logarithm.
_SHIFT = 2.5
_EDGE = 0.02
_LEAST_DEVIATION = 1e-6
_LEAST_SPREAD = 0.02
# Rows by which the process's own expectation counts in the calibration.
_PROCESS_ROWS = 200
_MOST_DIRECT = 1_500
_NEGLIGIBLE = 0.01
_MOST_STEPS, _CLOSE = 200, 1e-10
_QUANTILES, _SUCCESSES = 257, 33


class _Rows(NamedTuple):
    """What is fitted. Shapes: waves (n, cosines), target (n,)."""

    grams: Grams
    waves: Any
    target: Any


def fitted_numbers(
    buffers: tuple[bytes, bytes, bytes, bytes], needs: Sequence[float], labels: Sequence[float]
) -> dict[str, Any]:
    """Fit a head and return the arguments of `_core.FittedHead`.

    The label's failure is a Gaussian process: a slope on the base's need, a linear kernel on the grams, a smooth one on
    the measures. Strengths are averaged by their evidence, with a prior for "the labels say nothing": few rows change
    little, many rows win.

    Args:
        buffers: `_core.features` of the prompts, in random order.
        needs: The base's need of each prompt.
        labels: Quality of the cheap tier on each, in [0, 1].

    Cost: some 0.5 s for 300 rows and 5 s for 1,500; above that the strengths come from the first 1,500.
    Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", chapters 2 and 5.
    """
    import numpy as np  # noqa: PLC0415 - 150 ms, only paid by those who fit

    failure, need = 1 - np.asarray(labels, dtype=float), np.asarray(needs, dtype=float)
    mean, spread = float(failure.mean()), float(failure.std()) or _LEAST_SPREAD
    slope = _BASE_SLOPE / (float(need.std()) or 1.0)
    prior = slope * (need - need.mean())
    waves, structure = _waves(np.frombuffer(buffers[3], np.float32).reshape(len(need), -1).astype(float))
    grams = weighted(*buffers[:3], len(need))
    # Labels that are all alike say nothing against the base.
    target = (failure - mean) / spread - prior if failure.std() else np.zeros_like(prior)
    on_grams, on_waves, others = _solved(_Rows(grams, waves, target))
    # Ranks and calibration come from what each row is expected to be by the others.
    sums = prior[: len(others)] + others
    numbers = {
        "ids": grams.ids.astype(np.int64).tobytes(),
        "idf": grams.idf.astype(np.float32).tobytes(),
        "weights": on_grams.astype(np.float32).tobytes(),
        **structure,
        "amplitudes": (on_waves * np.sqrt(2 / _COSINES)).tolist(),
        "base": (float(need.mean()), slope),
        "failure": (mean, spread),
        "shift": _SHIFT,
    }
    return {**numbers, **_tables(sums, failure[: len(sums)], mean, spread)}


def _waves(measures: Any) -> tuple[Any, dict[str, Any]]:
    """Return random cosines of the measures, whose products are a smooth kernel, and the numbers that make them."""
    import numpy as np  # noqa: PLC0415 - as above

    deviation = measures.std(axis=0)
    scale = np.where(deviation > _LEAST_DEVIATION, 1 / np.maximum(deviation, _LEAST_DEVIATION), 0.0)
    center = measures.mean(axis=0)
    generator = np.random.default_rng(_SEED)
    directions = generator.standard_normal((_COSINES, measures.shape[1])) / _REACH
    phases = generator.uniform(0, 2 * np.pi, _COSINES)
    held = np.clip((measures - center) * scale, -_HELD, _HELD)
    numbers = {"center": center, "scale": scale, "directions": directions.ravel(), "phases": phases}
    waves = np.sqrt(2 / _COSINES) * np.cos(held @ directions.T + phases)
    return waves, {name: value.tolist() for name, value in numbers.items()}


def _solved(rows: _Rows) -> tuple[Any, Any, Any]:
    """Weights of grams and cosines, and for the first rows what the others of them expect."""
    import numpy as np  # noqa: PLC0415 - as above

    few = min(len(rows.target), _MOST_DIRECT)
    target, waves, grams = rows.target[:few], rows.waves[:few], rows.grams.take(few)
    kernels = grams.kernel(), waves @ waves.T
    strengths = list(product(_GRAM_STRENGTHS, _MEASURE_STRENGTHS))
    evidence = np.array([_evidence(kernels, target, pair) for pair in strengths])
    evidence[0] += _DOUBT
    chances = np.exp(evidence - evidence.max())
    chances /= chances.sum()
    on_grams, on_waves, others = np.zeros(len(grams.ids)), np.zeros(waves.shape[1]), np.zeros(few)
    for chance, (wording, structure) in zip(chances, strengths, strict=True):
        if chance < _NEGLIGIBLE:
            continue
        inverse = np.linalg.inv(_covariance(kernels, wording, structure))
        dual = inverse @ target
        others += chance * (target - dual / np.diag(inverse))
        if len(rows.target) > few:
            dual = _by_gradients(rows, wording, structure)
            on_grams += chance * wording * rows.grams.back(dual)
            on_waves += chance * structure * (rows.waves.T @ dual)
        else:
            on_grams += chance * wording * grams.back(dual)
            on_waves += chance * structure * (waves.T @ dual)
    return on_grams, on_waves, others


def _covariance(kernels: tuple[Any, Any], wording: float, structure: float) -> Any:
    import numpy as np  # noqa: PLC0415 - as above

    return np.eye(len(kernels[0])) + wording * kernels[0] + structure * kernels[1]


def _evidence(kernels: tuple[Any, Any], target: Any, strengths: tuple[float, float]) -> float:
    """Log-probability of the labels, the noise's size integrated out."""
    import numpy as np  # noqa: PLC0415 - as above

    covariance = _covariance(kernels, *strengths)
    half = np.linalg.cholesky(covariance)
    white = np.linalg.solve(half, target)
    return float(-0.5 * len(target) * np.log(max(float(white @ white), 1e-12)) - np.log(np.diag(half)).sum())


def _by_gradients(rows: _Rows, wording: float, structure: float) -> Any:
    """Solve (I + kernels) x = target by conjugate gradients, without ever making the kernels. Shape: (n,)."""
    import numpy as np  # noqa: PLC0415 - as above

    def times(at: Any) -> Any:
        linear = rows.grams.times(rows.grams.back(at))
        return at + wording * linear + structure * (rows.waves @ (rows.waves.T @ at))

    found, residual = np.zeros_like(rows.target), rows.target.copy()
    step, square = residual.copy(), float(residual @ residual)
    for _ in range(_MOST_STEPS):
        if square < _CLOSE:
            break
        moved = times(step)
        length = square / float(step @ moved)
        found += length * step
        residual -= length * moved
        square, before = float(residual @ residual), square
        step = residual + square / before * step
    return found


def _tables(sums: Any, failure: Any, mean: float, spread: float) -> dict[str, Any]:
    """Quantiles of the expected gain, and success by sum, not rising (isotonic, shrunk)."""
    import numpy as np  # noqa: PLC0415 - as above

    success = np.clip(1 - mean - spread * sums, _EDGE, 1 - _EDGE)
    odds = success / (1 - success) * np.exp(_SHIFT)
    low, high = float(sums.min()), float(sums.max())
    order = np.argsort(sums, kind="stable")
    # A few rows make steep steps by chance: they are drawn to what the process expects.
    trust = len(sums) / (len(sums) + _PROCESS_ROWS)
    fallen = trust * falling((1 - failure)[order]) + (1 - trust) * np.clip(1 - mean - spread * sums[order], 0, 1)
    return {
        "quantiles": np.quantile(odds / (1 + odds) - success, np.linspace(0, 1, _QUANTILES)).tolist(),
        "success": np.interp(np.linspace(low, high, _SUCCESSES), sums[order], fallen).tolist(),
        "reach": (low, high),
    }


def falling(values: Any) -> Any:
    """Return the closest sequence that never rises, by pooling neighbours (isotonic regression).

    Source: Ayer et al. 1955, "An empirical distribution function for sampling with incomplete information".
    """
    import numpy as np  # noqa: PLC0415 - as above

    means: list[float] = []
    sizes: list[int] = []
    for value in values:
        means.append(float(value))
        sizes.append(1)
        while len(means) > 1 and means[-2] < means[-1]:
            size = sizes[-2] + sizes[-1]
            means[-2:] = [(means[-2] * sizes[-2] + means[-1] * sizes[-1]) / size]
            sizes[-2:] = [size]
    return np.repeat(means, sizes)
