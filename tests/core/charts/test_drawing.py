"""Pictures by their names, for whoever sends them."""

import asyncio
import subprocess
import sys
from typing import get_args

import pytest
from msgspec.structs import replace

from tabsmith.reports.charts import ChartKind, draw_chart
from tabsmith.reports.figures import MatplotlibMissingError, NothingToDrawError
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tests.core.charts.pixels import chunks, size
from tests.stories.journals import FAILURE, house_prices, price_report

KINDS: tuple[ChartKind, ...] = get_args(ChartKind)


def finished() -> RunSnapshot:
    return house_prices().end(price_report()).snapshot


@pytest.mark.parametrize("kind", KINDS)
def test_a_finished_run_has_every_picture(kind: ChartKind) -> None:
    assert size(draw_chart(kind, finished()))[0] == 1000


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_says_nothing_but_itself(kind: ChartKind) -> None:
    picture = draw_chart(kind, finished())
    assert set(chunks(picture)) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    assert b"atplotlib" not in picture


@pytest.mark.parametrize("kind", ["importance", "outcome"])
def test_before_there_is_a_model_only_the_scores_can_be_drawn(kind: ChartKind) -> None:
    with pytest.raises(NothingToDrawError, match="not there yet") as caught:
        draw_chart(kind, house_prices().snapshot)
    assert "scores" in caught.value.next_step
    failed = house_prices().end(error=FAILURE).snapshot
    with pytest.raises(NothingToDrawError, match="without a model"):
        draw_chart(kind, replace(failed, state=RunState.FAILED))


async def test_threads_that_draw_at_once_draw_the_same() -> None:
    run = finished()
    alone = [draw_chart(kind, run) for kind in KINDS]
    together = await asyncio.gather(*(asyncio.to_thread(draw_chart, kind, run) for kind in KINDS * 3))
    assert together == alone * 3


def test_no_setting_of_matplotlib_is_changed_and_none_of_a_persons_counts() -> None:
    import matplotlib as mpl

    plain = draw_chart("score", finished())
    with mpl.rc_context({"font.size": 40, "text.usetex": True, "savefig.bbox": "tight", "axes.unicode_minus": False}):
        before = dict(mpl.rcParams)
        assert draw_chart("score", finished()) == plain
        assert dict(mpl.rcParams) == before


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each == "matplotlib" or each.startswith("matplotlib.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MatplotlibMissingError) as caught:
        draw_chart("score", finished())
    assert "tabsmith[telegram]" in caught.value.next_step


def test_the_room_is_light_until_something_is_drawn_and_never_needs_pyplot() -> None:
    code = """
import sys
from tabsmith.reports.charts import draw_chart
assert not {"matplotlib", "numpy", "PIL", "pandas"} & set(sys.modules), "heavy"
from tests.stories.journals import house_prices
draw_chart("score", house_prices().snapshot)
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules, "pyplot"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
