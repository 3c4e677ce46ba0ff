"""A regression's target put through a logarithm or a power before the fit, and predictions put back without bias.

The mean of a target is not what the mean of its logarithm is put back to: that would be its median, and all sums of
predictions too small. So a prediction is put back together with the errors that the model made on rows that it was not
fitted on, and the mean is taken over those (the smearing estimate, Duan 1983).
"""

from typing import Final, Self, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.families.feature_steps import TargetTransformation

Floats: TypeAlias = npt.NDArray[np.float64]

ERRORS: Final = 51  # quantiles of the errors that predictions are put back with
_BEYOND: Final = 0.5  # predictions end at so much of the target's range below and above it
_CHUNK: Final = 20_000  # rows that are put back at once


class TransformedTarget(msgspec.Struct, frozen=True):
    """A fitted transformation of a target.

    `log`: log(y - center), where `center` lies below all targets. `yeo_johnson`: Yeo and Johnson's power (2000) of
    (y - center) / scale, after which the target is as normal as such a power can make it.
    """

    kind: TargetTransformation
    lowest: float  # of the targets that it was fitted to
    center: float
    low: float  # where predictions end, as transformed targets
    high: float
    scale: float = 1.0
    power: float = 1.0
    errors: tuple[float, ...] = ()  # of the transformed predictions; empty: predictions are put back as they are

    @classmethod
    def fitted(cls, kind: TargetTransformation, y: Floats) -> Self:
        """The transformation for the targets `y` (rows,), which hold at least two values."""
        lowest = float(y.min())
        if kind == "log":
            plain = cls(kind, lowest, center=0.0 if lowest > 0 else lowest - 1.0, low=0.0, high=0.0)
        else:
            from scipy.stats import yeojohnson

            center, scale = float(np.median(y)), float(y.std())
            power = float(np.clip(yeojohnson((y - center) / scale)[1], -3.0, 5.0))
            plain = cls(kind, lowest, center, low=0.0, high=0.0, scale=scale, power=power)
        beyond = _BEYOND * float(np.ptp(y))
        low, high = plain.transform(np.asarray([lowest - beyond, float(y.max()) + beyond])).tolist()
        return msgspec.structs.replace(plain, low=low, high=high)

    def with_errors(self, errors: Floats) -> Self:
        """The same transformation, whose predictions are put back with these errors (rows,) of the transformed ones."""
        shares = (np.arange(ERRORS) + 0.5) / ERRORS
        return msgspec.structs.replace(self, errors=tuple(np.quantile(errors, shares).tolist()))

    def transform(self, y: Floats) -> Floats:
        """Targets as they are fitted to; one below all that were there counts as the lowest of those."""
        if self.kind == "log":
            return np.log(np.maximum(y, self.lowest) - self.center)
        from scipy.stats import yeojohnson

        return np.asarray(yeojohnson((y - self.center) / self.scale, self.power), dtype=np.float64)

    def put_back(self, predictions: Floats) -> Floats:
        """Predictions (rows,) of the transformed target as predictions of the target."""
        errors = np.asarray(self.errors or (0.0,))
        back = np.empty(len(predictions))
        for start in range(0, len(predictions), _CHUNK):
            piece = slice(start, start + _CHUNK)
            likely = np.clip(predictions[piece, None] + errors, self.low, self.high)
            back[piece] = self._inverse(likely).mean(axis=1)
        return back

    def _inverse(self, z: Floats) -> Floats:
        if self.kind == "log":
            return np.asarray(np.exp(z) + self.center, dtype=np.float64)
        return np.where(z >= 0, _raised(z, self.power), -_raised(-z, 2.0 - self.power)) * self.scale + self.center


def _raised(z: Floats, power: float) -> Floats:
    """The inverse of Yeo and Johnson's power, for numbers from 0; others count as 0."""
    z = np.maximum(z, 0.0)
    if abs(power) < 1e-8:
        return np.expm1(z)
    return np.asarray(np.maximum(power * z + 1.0, 1e-12) ** (1.0 / power) - 1.0, dtype=np.float64)
