"""The agents of a run's worker: the ones that propose, the models that grade, and the coding agent of a task."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobResult,
    PermissionAnswer,
    PermissionRequest,
    PermissionRules,
)
from tabsmith.agents.backend import backend
from tabsmith.agents.parse_reply import parse_reply
from tabsmith.agents.prompts.recipe_prompt import response_schema, write_prompt
from tabsmith.agents.protocol import (
    Agent,
    AgentName,
    AgentSession,
    Brief,
    Exhausted,
    ModelReply,
    ModelRequest,
    Prompt,
    Proposal,
)
from tabsmith.agents.search import SearchAgent
from tabsmith.agents.server.agent_client import AgentClient
from tabsmith.config.settings import AgentSettings, Settings
from tabsmith.orchestration.decisions import Quality
from tabsmith.orchestration.loop.grading import GRADE_SCHEMA, Grader, parse_grade
from tabsmith.runs.spec import ModelChoice
from tabsmith.sandbox.policy import SandboxLevel
from tabsmith.tasks import Task


class ModelAgent:
    """The agent `name`, asked through `client`."""

    uses_llm = True

    def __init__(self, name: AgentName, client: AgentClient, settings: AgentSettings) -> None:
        self.name = name
        self.model = backend(name).model_name(settings)
        self._client = client

    async def propose(self, brief: Brief, session: AgentSession) -> Proposal | Exhausted:
        """Return the proposal in the model's answer.

        Raises AgentError, and its kind AgentReplyError if the answer holds no readable proposal.
        """
        prompt = write_prompt(brief)
        session.on_prompt(prompt)
        request = ModelRequest(session.session, prompt, msgspec.Raw(response_schema()), session.seconds)
        return parse_reply(await self._client.ask(self.name, request, session.on_reply))


MAX_JOB_SECONDS: Final = 3_600.0
"""Seconds that a coding agent may work at a time where nothing else limits it."""


class AgentFactory:
    """The agents that the choice and the settings call for. `client` starts the agents' process at the first request."""

    def __init__(self, choice: ModelChoice, settings: AgentSettings, cores: int) -> None:
        self.client = AgentClient()
        self._choice = choice
        self._settings = settings
        self.plan_for(cores)
        self.grader: Grader | None = None
        if settings.grader == "llm":
            self.grader = LlmGrader(self.client, settings.llm.model or "")

    def plan_for(self, cores: int) -> None:
        """Have search propose what so many cores can fit in the time. Called before anything is proposed."""
        choice = self._choice
        self.search: Agent = SearchAgent(
            only=choice.only_families,
            exclude=choice.exclude,
            seed=choice.seed,
            seconds=choice.limits.seconds,
            cores=cores,
        )
        self.planned: Agent = (
            self.search if choice.agent == "search" else ModelAgent(choice.agent, self.client, self._settings)
        )


class LlmGrader:
    """The model of `agents.llm` as a grader."""

    name: AgentName = "llm"

    def __init__(self, client: AgentClient, model: str) -> None:
        self.model = model
        self._client = client

    async def grade(self, prompt: Prompt, session: AgentSession) -> Quality:
        """Return its grade. Raises AgentError."""
        session.on_prompt(prompt)
        request = ModelRequest(session.session, prompt, GRADE_SCHEMA, session.seconds)
        return parse_grade(await self._client.ask(self.name, request, session.on_reply))


class TaskAgentClient:
    """The coding agent of a task, sent into `folder` through the agents' process. Before each job `renew_repository` gives the
    folder a fresh git repository, and returns what its commands must be able to read for that."""

    def __init__(
        self,
        task: Task,
        client: AgentClient,
        folder: str,
        level: SandboxLevel,
        settings: Settings,
        renew_repository: Callable[[], Awaitable[tuple[str, ...]]],
    ) -> None:
        self.name: AgentName = task.agent
        self.model = backend(task.agent).model_name(settings.agents)
        self._task = task
        self._client = client
        self._folder = folder
        self._level = level
        self._settings = settings.tasks
        self._renew_repository = renew_repository
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
            rules=PermissionRules(read=may.read, write=may.write, run=may.run),
            resumes=(self._foreign or continues) if task.conversation == "continue" else "",
            seconds=min(MAX_JOB_SECONDS, seconds),
            silence=task.silence_seconds or self._settings.silence,
            turns=task.turns or self._settings.turns,
            dollars=dollars,
            sandbox=self._level,
            network="all" if may.network else "none",
            readable=await self._renew_repository(),
        )

        def keep_foreign_id(reply: ModelReply) -> None:
            if reply.foreign:
                self._foreign = reply.foreign
            on_reply(reply)

        return await self._client.work(task.agent, job, keep_foreign_id, on_activity, ask_permission)
