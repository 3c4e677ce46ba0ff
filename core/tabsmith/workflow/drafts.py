"""What a person typed, as typed: one text per field, kept whether or not it can be understood."""

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.errors import ErrorReport
from tabsmith.modeling.results import MetricName
from tabsmith.orchestration.questions import Mode
from tabsmith.recipes.recipe import Family


class FieldName(StrEnum):
    """A field that can be typed into or chosen from; its draft is a text also where choices are offered."""

    PATH = "path"
    DATA = "data"
    TARGET = "target"
    FEATURES = "features"
    SCHEMA = "schema"
    METRIC = "metric"
    FAMILY = "family"
    AGENT = "agent"
    TIME = "time"
    BUDGET = "budget"
    MODE = "mode"
    ITERATIONS = "iterations"
    SEED = "seed"
    NEW_ROWS = "new rows"
    OUT = "out"


MetricChoice: TypeAlias = MetricName | Literal["default"]
FamilyChoice: TypeAlias = Family | Literal["any"]


class Defaults(msgspec.Struct, frozen=True):
    """What the fields show before anything is typed."""

    metric: MetricChoice = "default"
    family: FamilyChoice = "any"
    agent: AgentName = "search"
    time: str = "60 s"
    iterations: int = 0  # 0 does not limit
    seed: int = 0
    cores: int = 0  # 0 takes all
    agents: tuple[AgentName, ...] = ("search",)  # those that can be used here
    why_not: dict[AgentName, str] = {}  # of the others: why they cannot, and what to do about it
    budget: str = ""  # in the words of its field; empty does not limit
    mode: Mode = "confirm"
    breakpoints: tuple[str, ...] = ()


class FieldProblem(msgspec.Struct, frozen=True):
    """Why a field's text cannot be used, to be shown beside it."""

    field: FieldName
    error: ErrorReport
