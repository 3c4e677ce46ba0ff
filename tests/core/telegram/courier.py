"""A small bridge as a process of its own, to be killed: `python -m tests.core.telegram.courier ADDRESS TOKEN FOLDER`.

It answers each text "hello N" with "N, first", "N, second" (with a button) and the file "N.csv". All is imported once;
for each line on stdin a child is forked that does the work, and its number is printed.
"""

import asyncio
import os
import sys
from pathlib import Path

from tabsmith.telegram.bot_token import BotToken
from tabsmith.telegram.render.messages import Button, OutgoingFile, OutgoingMessage
from tabsmith.telegram.render.text import own
from tabsmith.telegram.status import BridgePaths, BridgeStatus, StatusWriter
from tabsmith.telegram.transport import updates
from tabsmith.telegram.transport.bot_api import BotApi
from tabsmith.telegram.transport.inbox import Inbox, ReceivedUpdate
from tabsmith.telegram.transport.outbox import Outbox
from tabsmith.telegram.transport.pacing import Backoff, SendPacer, SendRates
from tabsmith.telegram.transport.polling import PollBackoff, Poller
from tabsmith.telegram.transport.sending import Sender

_QUICK = Backoff((0.01, 0.02, 0.05))


async def _serve(address: str, token: str, folder: Path) -> None:
    paths = BridgePaths(folder)
    status = StatusWriter(paths, BridgeStatus(pid=os.getpid(), started_at=0.0))
    inbox, outbox = Inbox(paths.inbox), Outbox(paths.outbox)
    api = BotApi(BotToken(token), address, 5.0, patience=5.0)

    def answer(received: tuple[ReceivedUpdate, ...]) -> None:
        for each in received:
            message = updates.parse_update(each.update)
            assert isinstance(message, updates.TextMessage)
            user, chat, number = message.user.id, message.user.chat_id, message.text.removeprefix("hello ")
            outbox.seen(updates.message_number(each.update))
            (folder / f"{number}.csv").write_text("a\n1\n")
            button = Button("Yes", f"y:{number}")
            outbox.put(f"{each.update_id}.0", user, chat, OutgoingMessage((own(f"{number}, first"),)))
            outbox.put(f"{each.update_id}.1", user, chat, OutgoingMessage((own(f"{number}, second"),), ((button,),)))
            outbox.put(f"{each.update_id}.2", user, chat, OutgoingFile(str(folder / f"{number}.csv"), f"{number}.csv"))
            inbox.handled(each.update_id)

    async def draw(chart: object) -> bytes:
        raise AssertionError(chart)

    sender = Sender(
        api,
        outbox,
        status,
        draw=draw,
        may_receive=lambda _: True,
        pacer=SendPacer(SendRates(1e6, 10**6, 1e6, 10**6)),
        backoff=_QUICK,
        settle=(0.1, 10.0),
    )
    poller = Poller(api, inbox, status, answer, backoff=PollBackoff(_QUICK, _QUICK, _QUICK, nothing=0.01))
    answer(inbox.waiting())
    await asyncio.gather(sender.run(), poller.run())


def main(address: str, token: str, folder: str) -> None:
    """Fork a child for each line, until there are no more; the last one ends with us."""
    child = 0
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(_serve(address, token, Path(folder)))
            finally:
                os._exit(1)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
