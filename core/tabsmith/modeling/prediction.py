"""What predicting a file came to, as data. Light: no numerical library."""

import msgspec


class Prediction(msgspec.Struct, frozen=True):
    """The rows of a source predicted and written to `out`."""

    model_id: str
    rows: int
    columns: tuple[str, ...]  # of the written file
    out: str
    missing: tuple[str, ...] = ()  # columns the model knows and the source lacks; taken as missing values
    extra: tuple[str, ...] = ()  # columns the source has and the model does not use
    unparsable: int = 0  # cells that could not be read as their column's kind; taken as missing values
