"""One noise for a table: each claim's own variance over seeds, moderated toward what the table has in common.

Two or three seeds tell little of a variance; the claims of a table tell much of it together. After Smyth 2004 (limma)
the true variances are drawn from s0^2 d0 / chi^2(d0), and a claim with variance s^2 of d degrees of freedom has
    (d0 s0^2 + d s^2) / (d0 + d)  with d0 + d degrees of freedom, at most what the table has in total.
d0 comes from the spread of log s^2 beyond what d explains, s0^2 is the mean of s^2. Two changes, both for tables of a
dozen claims, where limma's own estimate covers 90 % with 2 seeds: to the spread is added 0.6 of
sqrt(trigamma(d / 2) / (K - 1)), since K variances cannot show that they are equal; and claims that share rows count for
fewer, `from_weights` and `from_seeds`. Simulated coverage: tests/analysis/test_rule.py.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, entr, polygamma

DOUBT = 0.6  # of sqrt(trigamma / (K - 1)): chosen by simulation, 93 to 97 % coverage at 2 to 10 seeds
LEAST = 1e-5  # of the mean variance: a smaller one has no logarithm to trust, as in limma
NEWTON = 8  # steps; 5 reach 1e-9


def fitted_noise(variances: np.ndarray, freedom: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """s0^2 and d0, each (...), of variances (..., K) with `freedom` (K,) degrees of freedom; d0 is 0 for K = 1."""
    count = variances.shape[-1]
    weight = np.broadcast_to(np.asarray(freedom, float), (count,))
    mean = (variances * weight).sum(-1) / weight.sum()
    if count == 1:
        return mean, np.zeros_like(mean)
    floor = np.maximum(LEAST * mean, np.finfo(float).tiny)[..., None]
    logs = np.log(np.maximum(variances, floor)) - digamma(weight / 2) + np.log(weight / 2)
    own = polygamma(1, weight / 2).mean()
    spread = np.maximum(logs.var(-1, ddof=1) - own, 0) + DOUBT * np.sqrt(own / (count - 1))
    return mean, 2 * trigamma_inverse(spread)


def moderated(variance, freedom, prior_variance, prior_freedom, most) -> tuple[np.ndarray, np.ndarray]:
    """Arrays of one shape, or what broadcasts to it; no degrees of freedom at all: variance 0 of 0."""
    total = np.asarray(prior_freedom + freedom, float)
    weighted = prior_freedom * prior_variance + freedom * variance
    return weighted / np.maximum(total, np.finfo(float).tiny), np.minimum(total, np.maximum(most, freedom))


def from_weights(weights: np.ndarray) -> float:
    """As how many independent claims (K, cells) weights count, were all cells of equal noise: from 1 to their rank.

    The exponential of the entropy of the covariance's eigenvalues (Roy and Vetterli 2007).
    """
    values = np.maximum(np.linalg.eigvalsh(weights @ weights.T), 0)
    return float(np.exp(entr(values / max(values.sum(), np.finfo(float).tiny)).sum()))


def from_seeds(differences: np.ndarray) -> np.ndarray:
    """The same as the seeds show it, (...), of differences (..., K, n) at n seeds that all claims share; K for n < 3.

    A noisy row that all claims share makes them one. The sum of K variances has tr(C)^2 / tr(C^2) times the degrees of
    freedom of one (Satterthwaite 1946). q, the inverse in the seeds' own covariance, is biased; `share` solves for that
    of C the ratio of the two expectations over a Wishart matrix.
    """
    count, freedom = differences.shape[-2], differences.shape[-1] - 1
    if freedom < 2:
        return np.full(differences.shape[:-2], float(count))
    centred = differences - differences.mean(-1, keepdims=True)
    covariance = centred @ np.swapaxes(centred, -1, -2)
    total = np.trace(covariance, axis1=-2, axis2=-1) ** 2
    q = (covariance**2).sum((-2, -1)) / np.maximum(total, np.finfo(float).tiny)
    share = (q - 1 / freedom) / (1 + 1 / freedom - 2 * q / freedom)
    return 1 / np.clip(share, 1 / count, 1)


def trigamma_inverse(x: np.ndarray) -> np.ndarray:
    """y with trigamma(y) = x > 0, by Newton's method on 1 / trigamma. Smyth 2004, appendix."""
    y = 0.5 + 1 / x
    for _ in range(NEWTON):
        value = polygamma(1, y)
        y = y + value * (1 - value / x) / polygamma(2, y)
    return y
