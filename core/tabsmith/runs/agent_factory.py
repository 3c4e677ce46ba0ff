"""The agents of a run's worker: who is planned, the process that hosts them, who writes down what is said.

A language model that grades a task's iterations against its rubric, in sessions of their own.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobResult,
    PermissionAnswer,
    PermissionRequest,
    PermissionRules,
)
from tabsmith.agents.model_agent import ModelAgent
from tabsmith.agents.protocol import Agent, AgentName, AgentSession, ModelReply, ModelRequest, Prompt
from tabsmith.agents.search import SearchAgent
from tabsmith.agents.server.agent_client import AgentClient
from tabsmith.config.settings import AgentSettings, Settings
from tabsmith.orchestration.decisions import Quality
from tabsmith.orchestration.loop.grading import GRADE_SCHEMA, GradingInput, grading_request, parse_grade
from tabsmith.orchestration.loop.iteration import TaskIteration
from tabsmith.orchestration.loop.recipe_loop import Grader
from tabsmith.orchestration.loop.task_grading import rubric_prompt
from tabsmith.orchestration.sessions import SessionRecorder
from tabsmith.recipes.recipe import Family
from tabsmith.runs.spec import ModelChoice
from tabsmith.runs.task_workspace import ForkedTaskWorkspace
from tabsmith.sandbox.policy import SandboxLevel
from tabsmith.tasks import Task
from tabsmith.tasks.task import EVERYTHING

MAX_JOB_SECONDS: Final = 3_600.0
"""Seconds that a coding agent may work at a time where nothing else limits it."""


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


class TaskAgentClient:
    """The coding agent of a task, sent into `folder` through the agents' process."""

    def __init__(self, task: Task, client: AgentClient, folder: str, level: SandboxLevel, settings: Settings) -> None:
        self.name: AgentName = task.agent
        self.model = (settings.agents.claude_code.model or "") if task.agent == "claude-code" else ""
        self._task = task
        self._client = client
        self._folder = folder
        self._level = level
        self._settings = settings.tasks
        self._foreign = ""  # the id by which the other side knows the latest session

    async def work(
        self,
        session: str,
        prompt: Prompt,
        *,
        continues: str,
        seconds: float,
        dollars: str,
        on_reply: Callable[[ModelReply], None],
        on_activity: Callable[[Activity], None],
        ask_permission: Callable[[PermissionRequest], Awaitable[PermissionAnswer]],
    ) -> AgentJobResult:
        """Work on the prompt; see orchestration/loop/task_loop.py: TaskAgent."""
        task, may = self._task, self._task.may
        job = AgentJob(
            session=session,
            prompt=prompt,
            folder=self._folder,
            rules=PermissionRules(read=may.read == EVERYTHING, write=may.write == EVERYTHING, run=may.run),
            resumes=(self._foreign or continues) if task.conversation == "continue" else "",
            seconds=min(MAX_JOB_SECONDS, seconds),
            silence=task.silence_seconds or self._settings.silence,
            turns=task.turns or self._settings.turns,
            dollars=dollars,
            sandbox=self._level,
            network="all" if may.network else "none",
        )

        def keep_foreign_id(reply: ModelReply) -> None:
            if task.agent == "acp" and reply.foreign:
                self._foreign = reply.foreign
            on_reply(reply)

        return await self._client.work(task.agent, job, keep_foreign_id, on_activity, ask_permission)
