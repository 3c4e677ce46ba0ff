"""The commands: each by its name, as what it means where the person stands."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from tabsmith.runs.commands import Pause, Resume, Stop
from tabsmith.runs.watch import list_runs
from tabsmith.telegram import meaning as meant
from tabsmith.telegram.acting import act, give, living
from tabsmith.telegram.drawing.helping import help_text
from tabsmith.telegram.incoming import Said
from tabsmith.telegram.office import Office, Turn
from tabsmith.telegram.seats import Seat, View
from tabsmith.telegram.showing import present
from tabsmith.telegram.words import Text, bold, foreign, line, own
from tabsmith.telegram.working import Work
from tabsmith.workflow import answers as say
from tabsmith.workflow.states import State

_OVER: Final = (State.IDLE, State.COMPLETED)
_HAS_MODEL: Final = (State.TRAINED, State.PREDICTING)


class Commands:
    """Carries commands out. `names` are those that are known."""

    def __init__(self, office: Office, work: Work) -> None:
        self._office = office
        self._work = work
        self._known: dict[str, Callable[[Turn, Seat, str], Awaitable[None]]] = {
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

    async def do(self, turn: Turn, seat: Seat, said: Said) -> None:
        """Carry a command out. Raises TabsmithError when it cannot be done."""
        known = self._known.get(said.command)
        if known is None:
            words = line(own("There is no command "), foreign(f"/{said.command}", 40), own(". /help lists them."))
            self._office.say_text(turn, seat, words)
            return
        await known(turn, seat, said.text)

    # The conversation ---------------------------------------------------------------------------------------------

    async def _start(self, turn: Turn, seat: Seat, _text: str) -> None:
        state = self._office.conversation(seat).session.state
        hello = line(own("Hello "), foreign(seat.name, 40), own("."))
        more = () if state in _OVER else line(own("You are in the middle of this; /cancel gives it up."))
        await present(self._office, turn, self._at_prompt(seat), (*hello, *more, *line()))

    async def _help(self, turn: Turn, seat: Seat, _text: str) -> None:
        self._office.say_text(turn, seat, help_text())

    async def _train(self, turn: Turn, seat: Seat, text: str) -> None:
        """To the choice of a table, or with a path straight to it. A conversation that has its model is over."""
        session = self._office.conversation(seat).session
        begun = turn.again and turn.begun(session.taken)
        if begun or session.state in (*_OVER, *_HAS_MODEL):
            answers: tuple[say.PersonAnswer, ...] = (say.Begin(),)
            if text:
                answers += (say.ChooseFile(), say.GivePath(text))
            if session.state in _HAS_MODEL and not begun:
                answers = (say.Finish(), *answers)
            else:
                turn.skip_answers(1)
            await give(self._office, self._work, turn, seat, *answers)
            return
        lead = line(own("You are in the middle of this; /cancel gives it up."))
        await present(self._office, turn, self._at_prompt(seat), lead)

    async def _predict(self, turn: Turn, seat: Seat, text: str) -> None:
        session = self._office.conversation(seat).session
        if session.state is State.TRAINED or (turn.again and turn.begun(session.taken)):
            more = (say.GiveNewRows(text),) if text else ()
            await give(self._office, self._work, turn, seat, say.PredictRows(), *more)
        elif session.state is State.PREDICTING:
            if text:
                turn.skip_answers(1)
                await give(self._office, self._work, turn, seat, say.GiveNewRows(text))
            else:
                await present(self._office, turn, self._at_prompt(seat))
        else:
            lead = line(bold("Predict with which model?"))
            await present(self._office, turn, self._office.keep(replace(seat, view=View("models"))), lead)

    async def _cancel(self, turn: Turn, seat: Seat, _text: str) -> None:
        if self._office.conversation(seat).session.state is State.IDLE and not turn.again:
            await present(self._office, turn, self._at_prompt(seat), line(own("There is nothing to cancel.")))
            return
        self._work.cancel(seat)
        await give(self._office, self._work, turn, seat, say.Cancel())

    async def _back(self, turn: Turn, seat: Seat, _text: str) -> None:
        if seat.view.kind != "prompt":
            await present(self._office, turn, self._at_prompt(seat))
            return
        await give(self._office, self._work, turn, seat, say.Back())

    def _at_prompt(self, seat: Seat) -> Seat:
        return self._office.keep(replace(seat, view=View()))

    # Runs ---------------------------------------------------------------------------------------------------------

    async def _status(self, turn: Turn, seat: Seat, _text: str) -> None:
        """The run that is meant, live; without one, where the conversation stands."""
        meant_runs = await self._living(seat)
        if len(meant_runs) == 1:
            await present(self._office, turn, self._office.keep(replace(seat, view=View("run", meant_runs[0]))))
        elif meant_runs:
            await self._which(turn, seat)
        else:
            await present(self._office, turn, self._at_prompt(seat), line(own("No run is at work.")))

    def _tell(self, command: Stop | Pause | Resume, said: str) -> Callable[[Turn, Seat, str], Awaitable[None]]:
        async def tell(turn: Turn, seat: Seat, text: str) -> None:
            runs = [run_id for run_id in await self._living(seat) if run_id.endswith(text)]
            if len(runs) == 1:
                await act(self._office, self._work, turn, seat, meant.Tell(runs[0], command, said))
            elif runs:
                await self._which(turn, seat)
            else:
                self._office.say_text(turn, seat, line(own("No run is at work.")))

        return tell

    async def _which(self, turn: Turn, seat: Seat) -> None:
        lead: Text = line(bold("Several runs are at work. Which one?"))
        await present(self._office, turn, self._office.keep(replace(seat, view=View("runs"))), lead)

    async def _living(self, seat: Seat) -> list[str]:
        """The runs that a person may mean: the one of their conversation; those they follow; any."""
        session = self._office.conversation(seat).session
        if session.state is State.TRAINING and living(session.run_id):
            return [session.run_id]
        followed = [each.run_id for each in seat.followed if living(each.run_id)]
        return followed or [each.id for each in await asyncio.to_thread(list_runs) if not each.state.ended]

    def _look(self, kind: str) -> Callable[[Turn, Seat, str], Awaitable[None]]:
        async def look(turn: Turn, seat: Seat, _text: str) -> None:
            view = View("models") if kind == "models" else View("runs") if kind == "runs" else View("settings")
            await present(self._office, turn, self._office.keep(replace(seat, view=view)))

        return look
