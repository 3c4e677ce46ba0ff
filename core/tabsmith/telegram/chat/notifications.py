"""What a run has to tell by now: each notice with a key that never changes, so that it is sent once.

Runs followed for people: live boards, notices by kind, and the end of the run that a conversation waits for.
"""

import asyncio
import logging
from typing import Final

import msgspec
from msgspec.structs import replace

from tabsmith import formatting
from tabsmith.errors import RunNotFoundError, TabsmithError
from tabsmith.runs import replying
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot, Trial
from tabsmith.runs.watch import RunWatch, list_runs
from tabsmith.storage import Found
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatState, ChatView, NotificationKind
from tabsmith.telegram.render import questions, results, run_message
from tabsmith.telegram.render.messages import OutgoingMessage, keyboard
from tabsmith.telegram.render.text import StyledText, bold, foreign, line, mixed, own
from tabsmith.text import clean
from tabsmith.workflow.session_store import SessionStore
from tabsmith.workflow.states import State


class RunNotification(msgspec.Struct, frozen=True):
    """Something to be told once. `key` names the run, too, and stays the same for ever."""

    kind: NotificationKind
    key: str
    message: OutgoingMessage


def due_notifications(run: RunSnapshot, run_id: str) -> tuple[RunNotification, ...]:
    """All that the run has to tell by now, in the order in which it may be told; also what was told before."""
    found = [*_champions(run, run_id), *_agents(run, run_id), *_budgets(run, run_id)]
    asked = replying.open_question(run)
    if asked is not None:
        # The clock stands still while a question is open, so that the words are the same at any time.
        message = questions.question_message(run, run_id, run.updated_at)
        found.append(RunNotification("question", f"{run_id}/question:{asked.id}", message))
    if run.state.ended:
        found.append(_end(run, run_id))
    return tuple(found)


def _champions(run: RunSnapshot, run_id: str) -> list[RunNotification]:
    return [
        _notice("champion", f"champion:{each.iteration}", run, run_id, _champion(each, run))
        for each in run.trials
        if each.won and not each.skipped
    ]


def _champion(each: Trial, run: RunSnapshot) -> StyledText:
    metric = (mixed(run.metric.label, 40), own(" ")) if run.metric else ()
    score = bold(formatting.plus_minus(each.mean, each.standard_error))
    text = [*line(own(f"★ A new best in iteration {each.iteration}"))]
    text += line(foreign(each.change, 120)) if each.change else ()
    return (*text, *line(*metric, score, own(run_message.gain_text(each))))


def _agents(run: RunSnapshot, run_id: str) -> list[RunNotification]:
    """The agent was changed, or came back: the log tells when and why."""
    return [
        _notice("agent", f"agent:{each.at:.3f}", run, run_id, line(own("! "), mixed(each.text, 300)))
        for each in run.log
        if each.word == "agent"
    ]


def _budgets(run: RunSnapshot, run_id: str) -> list[RunNotification]:
    """Limits nearly spent. Of one that is spent the run asks, or it ends, and tells that."""
    return [
        _notice(
            "budget",
            f"budget:{each.limit}:{each.share:g}:{each.at:.3f}",  # given again after the limit was raised
            run,
            run_id,
            line(own("! "), mixed(each.words, 200)),
        )
        for each in run.warnings
        if each.share < 1
    ]


def _end(run: RunSnapshot, run_id: str) -> RunNotification:
    if run.state is RunState.INTERRUPTED:
        head = line(bold("! The run was interrupted"))
        text = line(own("Its worker is gone. It can be resumed where it was."))
        return _ended("failed", f"interrupted:{run.attempt}", run, run_id, (*head, *text))
    # What a person stopped did not fail.
    good = run.exit_reason == "user" or (run.state is RunState.DONE and run.outcome != "blocked")
    kind: NotificationKind = "finished" if good else "failed"
    head = line(bold("✔ The run is over" if good else "✘ The run failed"))
    scored = results.score_text(run.report) if run.report is not None else ()
    return _ended(kind, f"ended:{run.attempt}", run, run_id, (*head, *run_message.ending_text(run), *scored))


def _ended(kind: NotificationKind, key: str, run: RunSnapshot, run_id: str, text: StyledText) -> RunNotification:
    offered = run_message.offered_actions(run)
    acts: tuple[run_message.RunAction, ...] = ("result", "resume", "open")
    buttons = [run_message.action_button(act, run_id) for act in acts if act in offered]
    return RunNotification(
        kind, f"{run_id}/{key}", OutgoingMessage((*text, *run_message.run_subject(run, run_id)), keyboard(buttons))
    )


def _notice(kind: NotificationKind, key: str, run: RunSnapshot, run_id: str, text: StyledText) -> RunNotification:
    message = OutgoingMessage(
        (*text, *run_message.run_subject(run, run_id)), keyboard((run_message.action_button("open", run_id),))
    )
    return RunNotification(kind, f"{run_id}/{key}", message)


_log: Final = logging.getLogger(__name__)
FOLLOW_INTERVAL: Final = 1.0  # seconds
_LIST_EVERY: Final = 5  # looks, for those who hear of every run
_OWN_END: Final = ("finished", "failed")


class RunFollower:
    """Looks at every followed run once a second. A run is followed until its end was told; that it is, is in the seat,
    so a bridge that was killed tells it when it is back."""

    def __init__(self, office: BridgeContext) -> None:
        self._office = office
        self._watches: dict[str, RunWatch] = {}
        self._saved: dict[str, tuple[int, str]] = {}
        self._looks = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(FOLLOW_INTERVAL)

    async def look(self) -> None:
        """One look at everything."""
        self._looks += 1
        every = self._looks % _LIST_EVERY == 1
        for user in [seat.user for seat in self._office.everybody()]:
            try:
                await self._look_for(user, every=every)
            except TabsmithError as error:
                self._office.status.trouble("following", clean(str(error), 300))
            except Exception as error:  # noqa: BLE001 - one person's run must not end the looking for all
                _log.exception("following runs for user %s", user)
                self._office.status.trouble("following", clean(f"{type(error).__name__}: {error}", 300))
        kept = {each.run_id for seat in self._office.everybody() for each in seat.followed}
        self._watches = {run_id: watch for run_id, watch in self._watches.items() if run_id in kept}

    async def _look_for(self, user: int, *, every: bool) -> None:
        """The runs of one person. The seat is taken up anew after every wait: they may have moved meanwhile."""
        office = self._office
        seat = office.seat(user)
        if seat is not None and seat.follow_all and every:
            living = [each.id for each in await asyncio.to_thread(list_runs) if not each.state.ended]
            for run_id in living:
                self._also(user, run_id)
        seat = office.seat(user)
        if seat is None:
            return
        awaited = self._awaited(seat)
        if awaited:
            seat = self._also(user, awaited) or seat
        for run_id in [each.run_id for each in seat.followed]:
            await self._look_at(user, run_id, own=run_id == awaited)

    async def _look_at(self, user: int, run_id: str, *, own: bool) -> None:
        office = self._office
        run, seat = self._snapshot(run_id), office.seat(user)
        if seat is None or not any(each.run_id == run_id for each in seat.followed):
            return
        if run is None:
            office.keep(seat.leaving(run_id))
            return
        if own:
            look = office.awaited_run(seat.session_user).look(run_id)
            if look is not None and look.end is not None:
                await self._tell_end(seat, look.run)
                return
        self._tell(seat, run_id, run, own=own)

    def _awaited(self, seat: ChatState) -> str:
        """The run that the person's conversation waits for; "" for none. Read again only when it was saved anew."""
        store = SessionStore(seat.session_user)
        try:
            saved = store.path.stat().st_mtime_ns
        except FileNotFoundError:
            return ""
        known = self._saved.get(seat.session_user)
        if known is None or known[0] != saved:
            loaded = store.load()
            session = loaded.value if isinstance(loaded, Found) else None
            run_id = session.run_id if session is not None and session.state is State.TRAINING else ""
            known = self._saved[seat.session_user] = (saved, run_id)
        return known[1]

    def _also(self, user: int, run_id: str) -> ChatState | None:
        """The seat with the run followed, if it is not yet."""
        seat = self._office.seat(user)
        if seat is None or any(each.run_id == run_id for each in seat.followed):
            return seat
        return self._office.keep(seat.following(run_id))

    def _snapshot(self, run_id: str) -> RunSnapshot | None:
        try:
            if run_id not in self._watches:
                self._watches[run_id] = RunWatch(run_id)
            return self._watches[run_id].refresh()
        except RunNotFoundError:
            self._watches.pop(run_id, None)
            return None

    def _tell(self, seat: ChatState, run_id: str, run: RunSnapshot, *, own: bool) -> None:
        """Notices that are due, and the board as it is now. At the first look only what is asked right now is news."""
        office = self._office
        followed = next(each for each in seat.followed if each.run_id == run_id)
        due = due_notifications(run, run_id)
        told = followed.told
        if told is None:
            told = tuple(each.key for each in due if each.kind != "question")
        for notice in due:
            if notice.key in told:
                continue
            hear = seat.notification_level(notice.kind)
            if hear != "off" and not (own and notice.kind in _OWN_END):
                message = replace(notice.message, silent=hear == "silent")
                office.outbox.put(f"{seat.user}/{notice.key}", seat.user, seat.chat, message)
            told = (*told, notice.key)
        if followed.board:
            shown = run_message.run_message(run, run_id, office.clock(), followed=not run.state.ended)
            office.sender.show(followed.board, seat.chat, shown)
        ended = run.state.ended and not own
        office.keep(seat.leaving(run_id) if ended else seat.told(run_id, told))

    async def _tell_end(self, seat: ChatState, run: RunSnapshot) -> None:
        """The run of the conversation has ended: it goes on, the result is shown with its pictures."""
        office = self._office
        assert run.spec is not None
        run_id = run.spec.id
        turn = UpdateContext(f"{seat.user}/end/{run_id}/{run.attempt}")
        async with office.turn_of(seat.session_user):
            seat = office.seat(seat.user) or seat
            conversation = office.conversation(seat)
            look = office.awaited_run(seat.session_user).look(run_id)
            if look is not None and look.end is not None and conversation.session.state is State.TRAINING:
                conversation.answer(look.end, turn.answer_key())
            followed = next((each for each in seat.followed if each.run_id == run_id), None)
            if followed is not None and followed.board:
                shown = run_message.run_message(run, run_id, office.clock(), followed=False)
                office.sender.show(followed.board, seat.chat, shown)
            seat = office.keep(replace(seat, view=ChatView()))
            if run.report is not None:
                for chart in results.result_charts(run.report):
                    office.say(turn, seat, chart)
            await show_view(office, turn, seat)
            office.keep((office.seat(seat.user) or seat).leaving(run_id))
