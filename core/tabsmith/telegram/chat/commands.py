"""The commands: each by its name, as what it means where the person stands."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from tabsmith.runs.commands import Pause, Resume, Stop
from tabsmith.runs.watch import list_runs
from tabsmith.telegram import actions as meant
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat.jobs import ChatJobs
from tabsmith.telegram.chat.perform import give_answers, is_run_alive, perform
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatState, ChatView
from tabsmith.telegram.render.help import help_text
from tabsmith.telegram.render.text import StyledText, bold, foreign, line, own
from tabsmith.telegram.transport.updates import TextMessage
from tabsmith.workflow import actions
from tabsmith.workflow.states import State

_OVER: Final = (State.IDLE, State.COMPLETED)
_HAS_MODEL: Final = (State.TRAINED, State.PREDICTING)


class CommandHandler:
    """Carries commands out. `names` are those that are known."""

    def __init__(self, office: BridgeContext, work: ChatJobs) -> None:
        self._office = office
        self._work = work
        self._known: dict[str, Callable[[UpdateContext, ChatState, str], Awaitable[None]]] = {
            "start": self._start,
            "help": self._help,
            "train": self._train,
            "predict": self._predict,
            "models": self._look("models"),
            "runs": self._look("runs"),
            "status": self._status,
            "stop": self._tell(Stop(when="after iteration"), "It stops after this one, and keeps the best model."),
            "pause": self._tell(Pause(), "Paused. /resume goes on."),
            "resume": self._tell(Resume(), "It goes on."),
            "cancel": self._cancel,
            "back": self._back,
            "settings": self._look("settings"),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Every command that is known, without its slash."""
        return tuple(self._known)

    async def do(self, turn: UpdateContext, seat: ChatState, said: TextMessage) -> None:
        """Carry a command out. Raises TabsmithError when it cannot be done."""
        known = self._known.get(said.command)
        if known is None:
            words = line(own("There is no command "), foreign(f"/{said.command}", 40), own(". /help lists them."))
            self._office.say_text(turn, seat, words)
            return
        await known(turn, seat, said.text)

    # The conversation ---------------------------------------------------------------------------------------------

    async def _start(self, turn: UpdateContext, seat: ChatState, _text: str) -> None:
        state = self._office.conversation(seat).session.state
        hello = line(own("Hello "), foreign(seat.name, 40), own("."))
        more = () if state in _OVER else line(own("You are in the middle of this; /cancel gives it up."))
        await show_view(self._office, turn, self._at_prompt(seat), (*hello, *more, *line()))

    async def _help(self, turn: UpdateContext, seat: ChatState, _text: str) -> None:
        self._office.say_text(turn, seat, help_text())

    async def _train(self, turn: UpdateContext, seat: ChatState, text: str) -> None:
        """To the choice of a table, or with a path straight to it. A conversation that has its model is over."""
        session = self._office.conversation(seat).session
        begun = turn.again and turn.begun(session.taken)
        if begun or session.state in (*_OVER, *_HAS_MODEL):
            answers: tuple[actions.UserAction, ...] = (actions.Begin(),)
            if text:
                answers += (actions.ChooseFile(), actions.GivePath(text))
            if session.state in _HAS_MODEL and not begun:
                answers = (actions.Finish(), *answers)
            else:
                turn.skip_answers(1)
            await give_answers(self._office, self._work, turn, seat, *answers)
            return
        lead = line(own("You are in the middle of this; /cancel gives it up."))
        await show_view(self._office, turn, self._at_prompt(seat), lead)

    async def _predict(self, turn: UpdateContext, seat: ChatState, text: str) -> None:
        session = self._office.conversation(seat).session
        if session.state is State.TRAINED or (turn.again and turn.begun(session.taken)):
            more = (actions.GiveNewRows(text),) if text else ()
            await give_answers(self._office, self._work, turn, seat, actions.PredictRows(), *more)
        elif session.state is State.PREDICTING:
            if text:
                turn.skip_answers(1)
                await give_answers(self._office, self._work, turn, seat, actions.GiveNewRows(text))
            else:
                await show_view(self._office, turn, self._at_prompt(seat))
        else:
            lead = line(bold("Predict with which model?"))
            await show_view(self._office, turn, self._office.keep(replace(seat, view=ChatView("models"))), lead)

    async def _cancel(self, turn: UpdateContext, seat: ChatState, _text: str) -> None:
        if self._office.conversation(seat).session.state is State.IDLE and not turn.again:
            await show_view(self._office, turn, self._at_prompt(seat), line(own("There is nothing to cancel.")))
            return
        self._work.cancel(seat)
        await give_answers(self._office, self._work, turn, seat, actions.Cancel())

    async def _back(self, turn: UpdateContext, seat: ChatState, _text: str) -> None:
        if seat.view.kind != "prompt":
            await show_view(self._office, turn, self._at_prompt(seat))
            return
        await give_answers(self._office, self._work, turn, seat, actions.Back())

    def _at_prompt(self, seat: ChatState) -> ChatState:
        return self._office.keep(replace(seat, view=ChatView()))

    # Runs ---------------------------------------------------------------------------------------------------------

    async def _status(self, turn: UpdateContext, seat: ChatState, _text: str) -> None:
        """The run that is meant, live; without one, where the conversation stands."""
        meant_runs = await self._living(seat)
        if len(meant_runs) == 1:
            await show_view(self._office, turn, self._office.keep(replace(seat, view=ChatView("run", meant_runs[0]))))
        elif meant_runs:
            await self._which(turn, seat)
        else:
            await show_view(self._office, turn, self._at_prompt(seat), line(own("No run is at work.")))

    def _tell(
        self, command: Stop | Pause | Resume, said: str
    ) -> Callable[[UpdateContext, ChatState, str], Awaitable[None]]:
        async def tell(turn: UpdateContext, seat: ChatState, text: str) -> None:
            runs = [run_id for run_id in await self._living(seat) if run_id.endswith(text)]
            if len(runs) == 1:
                await perform(self._office, self._work, turn, seat, meant.SendRunCommand(runs[0], command, said))
            elif runs:
                await self._which(turn, seat)
            else:
                self._office.say_text(turn, seat, line(own("No run is at work.")))

        return tell

    async def _which(self, turn: UpdateContext, seat: ChatState) -> None:
        lead: StyledText = line(bold("Several runs are at work. Which one?"))
        await show_view(self._office, turn, self._office.keep(replace(seat, view=ChatView("runs"))), lead)

    async def _living(self, seat: ChatState) -> list[str]:
        """The runs that a person may mean: the one of their conversation; those they follow; any."""
        session = self._office.conversation(seat).session
        if session.state is State.TRAINING and is_run_alive(session.run_id):
            return [session.run_id]
        followed = [each.run_id for each in seat.followed if is_run_alive(each.run_id)]
        return followed or [each.id for each in await asyncio.to_thread(list_runs) if not each.state.ended]

    def _look(self, kind: str) -> Callable[[UpdateContext, ChatState, str], Awaitable[None]]:
        async def look(turn: UpdateContext, seat: ChatState, _text: str) -> None:
            view = (
                ChatView("models") if kind == "models" else ChatView("runs") if kind == "runs" else ChatView("settings")
            )
            await show_view(self._office, turn, self._office.keep(replace(seat, view=view)))

        return look
