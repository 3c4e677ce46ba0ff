"""The agents of a run's worker: who is planned, the process that hosts them, who writes down what is said.

A language model that grades a task's iterations against its rubric, in sessions of their own.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from tabsmith.agents.model_agent import ModelAgent
from tabsmith.agents.protocol import Agent, AgentName, AgentSession, ModelReply, ModelRequest, Prompt
from tabsmith.agents.search import SearchAgent
from tabsmith.agents.server.agent_client import AgentClient
from tabsmith.config.settings import AgentSettings
from tabsmith.orchestration.decisions import Quality
from tabsmith.orchestration.loop.finish_iteration import Grader
from tabsmith.orchestration.loop.grading import GRADE_SCHEMA, GradingInput, grading_request, parse_grade
from tabsmith.orchestration.loop.iteration import TaskIteration
from tabsmith.orchestration.loop.task_grading import rubric_prompt
from tabsmith.orchestration.sessions import SessionRecorder
from tabsmith.recipes.recipe import Family
from tabsmith.runs.spec import ModelChoice
from tabsmith.runs.task_workspace import ForkedTaskWorkspace
from tabsmith.runs.transcripts import Transcript
from tabsmith.tasks import Task


class AgentFactory:
    """The agents that the choice and the settings call for. `host` starts its process at the first question."""

    def __init__(self, choice: ModelChoice, settings: AgentSettings) -> None:
        self.host = AgentClient()
        family: Family | None = None if choice.family == "any" else choice.family
        self.search: Agent = SearchAgent(family=family, seed=choice.seed)
        self.planned: Agent = self.search if choice.agent == "search" else ModelAgent(choice.agent, self.host, settings)
        self.grader: Grader | None = None
        if self.planned.uses_llm and settings.grader == "llm":
            self.grader = LlmGrader(self.host, settings.llm.model or "")


class LlmGrader:
    """The model of `agents.llm` as the judge of an iteration's quality."""

    name: AgentName = "llm"

    def __init__(self, host: AgentClient, model: str) -> None:
        self.model = model
        self._host = host

    async def grade(self, subject: GradingInput, talk: AgentSession) -> Quality:
        """Its grade. Raises AgentError."""
        letter, shape = grading_request(subject)
        talk.on_prompt(letter)
        return parse_grade(
            await self._host.ask("llm", ModelRequest(talk.session, letter, shape, talk.seconds), talk.on_reply)
        )


class FileTranscriptWriter:
    """Keeps the words of each session in a file of its own, below the run's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def sent(self, session: str, letter: Prompt) -> None:
        with Transcript(self._root, session) as transcript:
            transcript.sent(letter)

    def received(self, session: str, turn: ModelReply) -> None:
        with Transcript(self._root, session) as transcript:
            transcript.received(turn)


def rubric_grader(
    task: Task, bench: ForkedTaskWorkspace, host: AgentClient, sessions: SessionRecorder, settings: AgentSettings
) -> Callable[[TaskIteration], Awaitable[Quality]] | None:
    """The model of `agents.llm`, where the task has a rubric and the settings want a model to grade."""
    if not task.rubric or settings.grader != "llm":
        return None

    async def grade(step: TaskIteration) -> Quality:
        assert step.acceptance is not None
        difference = await bench.difference(step.number)
        with sessions.open(
            step.number, 1, "llm", settings.llm.model or "", seconds=settings.timeout, purpose="grade"
        ) as talk:
            asked = rubric_prompt(task, difference, step.acceptance)
            talk.on_prompt(asked)
            question = ModelRequest(talk.session, asked, GRADE_SCHEMA, talk.seconds)
            return parse_grade(await host.ask("llm", question, talk.on_reply))

    return grade
