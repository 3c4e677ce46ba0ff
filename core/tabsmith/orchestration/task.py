"""What a run is about, as the loop and its parts see it."""

import msgspec

from tabsmith.modeling.results import Metric
from tabsmith.tables.profile import Profile
from tabsmith.tables.schema import Schema


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The table as understood, the metric, and what agents may be told and how long they are waited for."""

    run_id: str
    fingerprint: str  # of the table
    schema: Schema
    profile: Profile
    metric: Metric
    folds: int
    samples: bool = True  # whether agents see sample values
    patience: float = 120.0  # seconds
    breakpoints: tuple[str, ...] = ()
