"""p-values of several tests corrected for their number."""

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for their number, in the order given (Holm 1979); NaN stays NaN and counts as no test."""
    order = sorted((p, index) for index, p in enumerate(ps) if p == p)
    corrected = [float("nan")] * len(ps)
    largest = 0.0
    for rank, (p, index) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        corrected[index] = largest
    return corrected
