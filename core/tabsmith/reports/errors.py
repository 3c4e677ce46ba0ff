"""Why there is no picture."""

from tabsmith.errors import TabsmithError


class ChartError(TabsmithError):
    """A picture cannot be drawn."""


class NothingToDrawError(ChartError):
    """What the picture would show is not known yet, or was never measured."""


class MatplotlibMissingError(ChartError):
    """The library that draws is not installed."""
