"""A program, and the backend of an agent of its own: it registers the agent, and takes it from a prompt to a record.

In a process of its own, because the list of agents is complete once it was read. Prints what came of each step.
"""

import asyncio
import json
from pathlib import Path

from tabsmith.agent_registry import AgentSpec, register

SPEC = AgentSpec(
    name="toy",
    label="a toy",
    description="an agent for a test",
    module="tests.core.agents.toy_agent",
    works_in_folders=True,
)
RECIPE = '{"recipe": {"family": "linear"}, "reason": "it is the simplest one"}'


class ToyAgent:
    """Answers every prompt with the same recipe, and every job with a file."""

    name = "toy"
    model = "none"

    async def ask(self, request, on_reply):
        """Say the recipe."""
        from tabsmith.agents.protocol import ModelReply
        from tabsmith.agents.usage import Usage

        on_reply(ModelReply(RECIPE, Usage(turns=1, unpriced=1)))
        return RECIPE

    async def work(self, job, on_reply, on_activity, ask_permission):
        """Write the file."""
        from tabsmith.agents.agent_jobs import AgentJobResult

        Path(job.folder, "toy.txt").write_text(job.prompt.text)
        return AgentJobResult("written", "done")

    async def close(self):
        """Nothing is open."""


def availability(settings):
    from tabsmith.agents.backend import Availability

    return Availability("toy", "usable", "it is here")


def key_variables(settings):
    return ("TOY_KEY",)


def model_name(settings):
    return "none"


def make_client(settings):
    return ToyAgent()


def make_coding_agent(settings, sandbox):
    return ToyAgent()


async def served(folder: Path) -> list[object]:
    """What the agent server sends for a request and a job of the agent."""
    import msgspec

    from tabsmith.agents.agent_jobs import AgentJob, PermissionRules
    from tabsmith.agents.protocol import ModelRequest, Prompt
    from tabsmith.agents.server.agent_server import AgentServer
    from tabsmith.agents.server.messages import AskModel, ClientMessage, StartAgentJob

    sent: list[object] = []
    server = AgentServer(sent.append)
    prompt = Prompt("", "a recipe, please")
    messages = (
        AskModel("toy", ModelRequest("a", prompt, msgspec.Raw(b"null"), 5.0)),
        StartAgentJob("toy", AgentJob(session="b", prompt=prompt, folder=str(folder), rules=PermissionRules())),
    )
    for message in messages:
        server.receive(msgspec.json.decode(msgspec.json.encode(message), type=ClientMessage))
    while len(sent) < 3:
        await asyncio.sleep(0)
    await server.close()
    return sent


def main(folder: Path) -> None:
    """Print, as JSON, what the program made of the agent."""
    import msgspec

    from tabsmith import config
    from tabsmith.agents.backend import backend, key_variables, selectable_agents
    from tabsmith.agents.parse_reply import parse_reply
    from tabsmith.agents.server.messages import AgentJobFinished, ModelAnswered
    from tabsmith.config.keys import all_keys
    from tabsmith.orchestration.events import SessionOpened
    from tabsmith.runs.events import RunEvent
    from tabsmith.tasks import parse

    settings = config.load({"TABSMITH_AGENTS__DEFAULT": "toy"}).agents
    sent = asyncio.run(served(folder))
    opened = SessionOpened(session="a", iteration=1, attempt=1, agent="toy", model="none")
    task = f'[[task]]\nname = "x"\ngoal = "x"\nfolder = "{folder}"\nagent = "toy"\naccept = "true"\n'
    steps = {
        "setting": settings.default,
        "offered": all_keys()["agents.default"].type_label,
        "selectable": "toy" in selectable_agents(settings)[0],
        "keys": key_variables("toy", settings),
        "model": backend("toy").model_name(settings),
        "answers": [parse_reply(each.text).recipe.family for each in sent if isinstance(each, ModelAnswered)],
        "ends": [each.result.end for each in sent if isinstance(each, AgentJobFinished)],
        "file": (folder / "toy.txt").read_text(),
        "in the journal": msgspec.json.decode(msgspec.json.encode(opened), type=RunEvent) == opened,
        "of a task": parse(task, folder / "tasks.toml", allowed=(folder.parent,)).tasks[0].agent,
    }
    print(json.dumps(steps))


if __name__ == "__main__":
    import sys

    register(SPEC)
    main(Path(sys.argv[1]))
