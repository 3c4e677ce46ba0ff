"""The keys of the bridge's panel."""

from tabsmith_tui.keys.action import Action

ACTIONS = (
    Action("bridge.start", "s", "start", "start", "Start the bridge; it goes on when tabsmith is left.", "bridge"),
    Action("bridge.stop", "x", "stop", "stop", "Stop the bridge, after a question.", "bridge"),
    Action("bridge.test", "m", "test", "test message", "Send a line to the person under the cursor.", "bridge"),
    Action("bridge.token", "t", "token", "token", "Type the bot's token in; it is not shown.", "bridge"),
    Action("bridge.users", "u", "users", "allowed users", "Say by number who may talk to the bridge.", "bridge"),
    Action("bridge.reload", "f5", "reload", "look again", "Look again at the bridge.", "bridge", False),
    Action("bridge.back", "escape", "back", "back", "Go back; a bridge that runs goes on.", "bridge"),
)
