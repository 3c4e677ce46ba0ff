"""The agent that asks a language model: the brief becomes a prompt, the model's answer becomes a proposal."""

import msgspec

from tabsmith.agents.parse_reply import parse_reply
from tabsmith.agents.prompts.recipe_prompt import response_schema, write_prompt
from tabsmith.agents.protocol import AgentName, AgentSession, Brief, Exhausted, ModelRequest, Proposal
from tabsmith.agents.registry import backend
from tabsmith.agents.server.agent_client import AgentClient
from tabsmith.config.settings import AgentSettings


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
