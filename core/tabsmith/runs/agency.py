"""The agents of a run's worker: who is planned, the process that hosts them, who writes down what is said."""

from pathlib import Path

from tabsmith.agents.hosted import Host
from tabsmith.agents.protocol import Agent, AgentName, Letter, Question, Talk, Turn
from tabsmith.agents.search import Search
from tabsmith.agents.speaking import Speaking
from tabsmith.config.tree import Agents
from tabsmith.orchestration.decisions import Quality
from tabsmith.orchestration.grading import Subject
from tabsmith.orchestration.model_grading import grade_question, read_grade
from tabsmith.orchestration.settling import Grader
from tabsmith.recipes.recipe import Family
from tabsmith.runs.spec import ModelChoice
from tabsmith.runs.transcripts import Transcript


class Agency:
    """The agents that the choice and the settings call for. `host` starts its process at the first question."""

    def __init__(self, choice: ModelChoice, settings: Agents) -> None:
        self.host = Host()
        family: Family | None = None if choice.family == "any" else choice.family
        self.search: Agent = Search(family=family, seed=choice.seed)
        self.planned: Agent = self.search if choice.agent == "search" else Speaking(choice.agent, self.host, settings)
        self.grader: Grader | None = None
        if self.planned.speaks and settings.grader == "llm":
            self.grader = LlmGrader(self.host, settings.llm.model or "")


class LlmGrader:
    """The model of `agents.llm` as the judge of an iteration's quality."""

    name: AgentName = "llm"

    def __init__(self, host: Host, model: str) -> None:
        self.model = model
        self._host = host

    async def grade(self, subject: Subject, talk: Talk) -> Quality:
        """Its grade. Raises AgentError."""
        letter, shape = grade_question(subject)
        talk.sent(letter)
        return read_grade(await self._host.ask("llm", Question(talk.session, letter, shape, talk.seconds), talk.heard))


class TranscriptScribe:
    """Keeps the words of each session in a file of its own, below the run's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def sent(self, session: str, letter: Letter) -> None:
        with Transcript(self._root, session) as transcript:
            transcript.sent(letter)

    def received(self, session: str, turn: Turn) -> None:
        with Transcript(self._root, session) as transcript:
            transcript.received(turn)
