"""The trend of a target: a straight line through time with the seasons of year, week and day, fitted to a fold's rows.

What is left of the target is then fitted by an estimator, which need not carry a line beyond the times it has seen: trees
cannot. (A linear trend with Fourier terms, as in Harvey and Shephard 1993.)
"""

from typing import Final

import msgspec
import numpy as np

from tabsmith.errors import RecipeError
from tabsmith.families.estimator import Floats
from tabsmith.modeling.features.blocks import date_parts
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.rows import DateColumn, NumberColumn, RowArrays

_DAY: Final = 86_400.0
_YEAR: Final = 365.2425 * _DAY
_HARMONICS: Final = 3  # of the year
_LEAST_YEARS: Final = 1.1  # of rows: a season seen once is no season
_LEAST_WEEKS: Final = 3
_EARLIER: Final = 0.75  # of the rows, by which a trend is found that has to predict the others
_PENALTY: Final = 1.0  # of standardized terms (ridge): seasons that the rows do not show stay small


class TrendBlock(msgspec.Struct, frozen=True, tag="trend"):
    """The target's trend at the time of each row: one output, in the target's own unit.

    A row without a time has the trend at the last time of training.
    """

    column: str
    end: float  # the last time of training, in seconds since 1970 or in the unit of the column
    level: float  # at `end`, without seasons
    slope: float  # for each second, or unit of the column
    year: tuple[float, ...] = ()  # of sine and cosine of each harmonic; empty: no season of the year
    week: tuple[float, ...] = ()  # of Monday to Sunday
    day: tuple[float, ...] = ()  # of the hours from 0 to 23

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that the output is computed from."""
        return ((self.column,),)

    def values(self, rows: RowArrays) -> Floats:
        """(rows,): the trend at the time of each row."""
        times = rows.floats(self.column)
        times = np.where(np.isnan(times), self.end, times)
        trend = self.level + self.slope * (times - self.end)
        for coefficients, terms in ((self.year, _year), (self.week, _weekdays), (self.day, _hours)):
            if coefficients:
                trend += terms(times) @ np.asarray(coefficients)
        return np.asarray(trend, dtype=np.float64)


def fit_trend(context: FeatureContext, time: str) -> TrendBlock:
    """The trend of the context's target over the column `time`, by ridge regression; flat where it is not carried on.

    Raises RecipeError if the rows have no time or the target is no number.
    """
    if not time or context.task != "regression":
        raise RecipeError(
            "A target without its trend needs rows that are split by time, and numbers to predict.",
            next_step='Leave "target" out of the recipe.',
        )
    times = context.rows.floats(time)
    present = ~np.isnan(times)
    times, y = times[present], np.asarray(context.y, dtype=np.float64)[present]
    is_date = isinstance(context.rows.columns[time], DateColumn)
    if _is_carried_on(times, y, is_date=is_date):
        return _ridge(time, times, y, is_date=is_date)
    return TrendBlock(time, float(times.max()), float(y.mean()), slope=0.0)


def _is_carried_on(times: Floats, y: Floats, *, is_date: bool) -> bool:
    """Whether the trend of the earlier rows predicts the latest quarter better than their latest level does.

    A line through less than a year may be no more than a season, and a trend may have stopped. (Average price of hotel
    rooms, fourteen months: RMSE of LightGBM on the last fifth 104 without this, and 33 without any trend.)
    """
    border, level_from = np.quantile(times, [_EARLIER, _EARLIER * _EARLIER])
    earlier, later = times <= border, times > border
    if not later.any():
        return False
    rows = RowArrays(int(later.sum()), {"": NumberColumn(times[later])})
    carried = _ridge("", times[earlier], y[earlier], is_date=is_date).values(rows)
    level = y[earlier & (times >= level_from)].mean()
    return bool(np.mean((y[later] - carried) ** 2) < np.mean((y[later] - level) ** 2))


def _ridge(time: str, times: Floats, y: Floats, *, is_date: bool) -> TrendBlock:
    """The line through time with the seasons that the rows span."""
    end, span = float(times.max()), float(np.ptp(times)) or 1.0
    parts = [((times - end) / span)[:, None]]
    for terms, least in ((_year, _LEAST_YEARS * _YEAR), (_weekdays, _LEAST_WEEKS * 7 * _DAY), (_hours, 3 * _DAY)):
        parts.append(terms(times) if is_date and span >= least else np.empty((len(times), 0)))
    matrix = np.column_stack(parts)
    center, scale = matrix.mean(axis=0), matrix.std(axis=0)
    scale[scale == 0] = np.inf  # a term that is the same in all rows explains nothing
    standard = (matrix - center) / scale
    gram = standard.T @ standard + _PENALTY * np.eye(matrix.shape[1])
    coefficients = np.linalg.solve(gram, standard.T @ (y - y.mean())) / scale
    level = float(y.mean() - center @ coefficients)
    ends = np.cumsum([part.shape[1] for part in parts])
    slope, year, week, day = np.split(coefficients, ends[:-1])
    seasons = (tuple(season.tolist()) for season in (year, week, day))
    return TrendBlock(time, end, level, float(slope[0]) / span, *seasons)


def _year(times: Floats) -> Floats:
    """(rows, 2 x harmonics): sines and cosines of the time of the year."""
    angle = 2 * np.pi * times[:, None] / _YEAR * np.arange(1, _HARMONICS + 1)
    return np.column_stack([np.sin(angle), np.cos(angle)])


def _weekdays(times: Floats) -> Floats:
    """(rows, 7): 1 at the day of the week, Monday first."""
    return np.asarray(date_parts(times, ("weekday",)) == np.arange(7), dtype=np.float64)


def _hours(times: Floats) -> Floats:
    """(rows, 24): 1 at the hour of the day."""
    return np.asarray(np.floor(date_parts(times, ("hour",))) == np.arange(24), dtype=np.float64)
