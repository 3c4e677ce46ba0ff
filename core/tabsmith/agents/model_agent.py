"""An agent that holds a conversation: the brief as a letter, the letter to a speaker, the answer as a proposal."""

from pathlib import Path

import msgspec

from tabsmith.agents import parse_reply
from tabsmith.agents.prompts import recipe_prompt
from tabsmith.agents.protocol import AgentSession, Brief, Exhausted, ModelAgentName, ModelRequest, Proposal
from tabsmith.agents.server.agent_client import AgentClient
from tabsmith.config.settings import AgentSettings


class ModelAgent:
    """The agent `name`, asked through `host`."""

    uses_llm = True

    def __init__(self, name: ModelAgentName, host: AgentClient, settings: AgentSettings) -> None:
        self.name: ModelAgentName = name
        self.model = _model_name(name, settings)
        self._host = host

    async def propose(self, brief: Brief, talk: AgentSession) -> Proposal | Exhausted:
        """What its answer holds. Raises AgentError; AgentReplyError when nothing can be read from the answer."""
        letter = recipe_prompt.write_prompt(brief)
        talk.on_prompt(letter)
        question = ModelRequest(talk.session, letter, msgspec.Raw(recipe_prompt.response_schema()), talk.seconds)
        return parse_reply.parse_reply(await self._host.ask(self.name, question, talk.on_reply))


def _model_name(name: ModelAgentName, settings: AgentSettings) -> str:
    """The model as the settings name it, or the program; "" where the other side chooses."""
    match name:
        case "llm":
            return settings.llm.model or ""
        case "claude-code":
            return settings.claude_code.model or ""
        case "acp":
            return Path(settings.acp.command[0]).name if settings.acp.command else ""
