"""An agent that holds a conversation: the brief as a letter, the letter to a speaker, the answer as a proposal."""

from pathlib import Path

import msgspec

from tabsmith.agents import letters, reading
from tabsmith.agents.hosted import Host
from tabsmith.agents.protocol import Brief, Exhausted, Proposal, Question, SpeakerName, Talk
from tabsmith.config.tree import Agents


class Speaking:
    """The agent `name`, asked through `host`."""

    speaks = True

    def __init__(self, name: SpeakerName, host: Host, settings: Agents) -> None:
        self.name: SpeakerName = name
        self.model = _model(name, settings)
        self._host = host

    async def propose(self, brief: Brief, talk: Talk) -> Proposal | Exhausted:
        """What its answer holds. Raises AgentError; AgentReplyError when nothing can be read from the answer."""
        letter = letters.write(brief)
        talk.sent(letter)
        question = Question(talk.session, letter, msgspec.Raw(letters.shape()), talk.seconds)
        return reading.read(await self._host.ask(self.name, question, talk.heard))


def _model(name: SpeakerName, settings: Agents) -> str:
    """The model as the settings name it, or the program; "" where the other side chooses."""
    match name:
        case "llm":
            return settings.llm.model or ""
        case "claude-code":
            return settings.claude_code.model or ""
        case "acp":
            return Path(settings.acp.command[0]).name if settings.acp.command else ""
