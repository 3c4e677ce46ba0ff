"""A language model that grades a task's iterations against its rubric, in sessions of their own."""

from collections.abc import Awaitable, Callable

from tabsmith.agents.hosted import Host
from tabsmith.agents.protocol import Question
from tabsmith.config.tree import Agents
from tabsmith.orchestration.decisions import Quality
from tabsmith.orchestration.model_grading import SHAPE, read_grade
from tabsmith.orchestration.sessions import Sessions
from tabsmith.orchestration.task_model_grading import letter
from tabsmith.orchestration.task_step import Step
from tabsmith.runs.task_bench import TaskBench
from tabsmith.tasks import Task


def grader(
    task: Task, bench: TaskBench, host: Host, sessions: Sessions, settings: Agents
) -> Callable[[Step], Awaitable[Quality]] | None:
    """The model of `agents.llm`, where the task has a rubric and the settings want a model to grade."""
    if not task.rubric or settings.grader != "llm":
        return None

    async def grade(step: Step) -> Quality:
        assert step.acceptance is not None
        difference = await bench.difference(step.number)
        with sessions.open(
            step.number, 1, "llm", settings.llm.model or "", seconds=settings.timeout, purpose="grade"
        ) as talk:
            asked = letter(task, difference, step.acceptance)
            talk.sent(asked)
            question = Question(talk.session, asked, SHAPE, talk.seconds)
            return read_grade(await host.ask("llm", question, talk.heard))

    return grade
