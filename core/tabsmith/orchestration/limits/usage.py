"""What agents used, added up over any number of sessions, without rounding."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from decimal import localcontext
from typing import Final, TypeVar

from tabsmith.agents.usage import NO_USAGE, Usage

K = TypeVar("K", bound=Hashable)

_DIGITS: Final = 100  # more than any sum of money has: no addition rounds, and the order does not matter


def total_usage(usages: Iterable[Usage]) -> Usage:
    """The sum of all."""
    with localcontext(prec=_DIGITS):
        return sum(usages, NO_USAGE)


def usage_by_group(usages: Iterable[tuple[K, Usage]]) -> dict[K, Usage]:
    """The sum of each group (an agent, a model, a run, a tuple of them), in the order in which they first come."""
    groups: defaultdict[K, Usage] = defaultdict(Usage)
    with localcontext(prec=_DIGITS):
        for group, usage in usages:  # in their order in memory: group after group takes twice as long
            groups[group] += usage
    return dict(groups)
