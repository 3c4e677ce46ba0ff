"""The methods of the Bot API, as the real one carries them out and refuses them."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from tests.peers.telegram import checks
from tests.peers.telegram.forms import Form
from tests.peers.telegram.records import Answered, Edit, Json, Message, RefusalError, Sent, bad, buttons_of

if TYPE_CHECKING:
    from tests.peers.telegram_server import TelegramServer

_SAME: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


def get_me(server: "TelegramServer", form: Form) -> Any:
    can = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
    return {**server.bot, **can}


def get_updates(server: "TelegramServer", form: Form) -> Any:
    seconds = min(float(form.text("timeout") or 0), 50.0)
    return server.queue.get(form.whole("offset"), form.whole("limit", 100), seconds, form.is_there)


def delete_webhook(server: "TelegramServer", form: Form) -> Any:
    if form.flag("drop_pending_updates"):
        server.queue.forget()
    return True


def set_my_commands(server: "TelegramServer", form: Form) -> Any:
    commands = form.json("commands", [])
    for each in commands:
        name, about = each["command"], each["description"]
        if not (1 <= len(name) <= 32 and name.isidentifier() and name == name.lower()):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(about) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    server.commands = [(each["command"], each["description"]) for each in commands]
    return True


def send_chat_action(server: "TelegramServer", form: Form) -> Any:
    server.chat(form.whole("chat_id"))
    return True


def send_message(server: "TelegramServer", form: Form) -> Any:
    text = form.text("text").strip()
    checks.check_text(text)
    return _send(server, form, "sendMessage", text, {}, Message({}, by_bot=True))


def send_photo(server: "TelegramServer", form: Form) -> Any:
    upload = form.upload("photo")
    width, height = checks.check_photo(upload.data)
    file = server.keep_file(upload.data, folder="photos")
    sizes = [{**file, "width": width, "height": height}]
    return _send(server, form, "sendPhoto", _caption(form), {"photo": sizes}, _with(upload.data, upload.name))


def send_document(server: "TelegramServer", form: Form) -> Any:
    upload = form.upload("document")
    if not upload.data:
        raise bad("file must be non-empty")
    if len(upload.data) > checks.LARGEST_UPLOAD:
        raise RefusalError(413, "Request Entity Too Large")
    document = {**server.keep_file(upload.data), "file_name": upload.name}
    return _send(server, form, "sendDocument", _caption(form), {"document": document}, _with(upload.data, upload.name))


def _with(data: bytes, name: str) -> Message:
    return Message({}, by_bot=True, file=data, file_name=name)


def _caption(form: Form) -> str:
    caption = form.text("caption").strip()
    checks.check_caption(caption)
    return caption


def _send(server: "TelegramServer", form: Form, method: str, text: str, content: Json, message: Message) -> Any:
    kind = "text" if method == "sendMessage" else "caption"
    chat = server.chat(form.whole("chat_id"))
    entities = _entities(form, kind, text)
    markup = checks.check_keyboard(form.json("reply_markup"))
    message.silent = form.flag("disable_notification")
    message.body = {"from": server.bot, "chat": chat, **content, **_written(kind, text, entities, markup)}
    number = server.add_message(chat["id"], message)
    preview = form.json("link_preview_options") or {}
    server.record(
        Sent(
            method=method,
            chat=chat["id"],
            message_id=number,
            text=text,
            entities=entities,
            buttons=buttons_of(markup),
            file_name=message.file_name,
            file=message.file,
            parse_mode=form.text("parse_mode"),
            silent=message.silent,
            at=time.monotonic(),
            live=checks.live_parts(text, entities),
            link_preview=not preview.get("is_disabled", False),
        )
    )
    return message.body


def _entities(form: Form, kind: str, text: str) -> tuple[Json, ...]:
    name = "entities" if kind == "text" else "caption_entities"
    return checks.check_entities(text, form.json(name, []))


def _written(kind: str, text: str, entities: tuple[Json, ...], markup: Json | None) -> Json:
    written: Json = {}
    if text:
        written[kind] = text
    if entities:
        written["entities" if kind == "text" else "caption_entities"] = list(entities)
    if markup is not None:
        written["reply_markup"] = markup
    return written


def edit_text(server: "TelegramServer", form: Form) -> Any:
    text = form.text("text").strip()
    checks.check_text(text)
    message = _editable(server, form)
    if "text" not in message.body:
        raise bad("there is no text in the message to edit")
    return _edit(server, form, message, "editMessageText", ("text", text))


def edit_caption(server: "TelegramServer", form: Form) -> Any:
    text = _caption(form)
    message = _editable(server, form)
    if "text" in message.body:
        raise bad("there is no caption in the message to edit")
    return _edit(server, form, message, "editMessageCaption", ("caption", text))


def edit_markup(server: "TelegramServer", form: Form) -> Any:
    return _edit(server, form, _editable(server, form), "editMessageReplyMarkup", None)


def _editable(server: "TelegramServer", form: Form) -> Message:
    message = server.find(server.chat(form.whole("chat_id"))["id"], form.whole("message_id"))
    if message is None:
        raise bad("message to edit not found")
    if not message.by_bot:
        raise bad("message can't be edited")
    return message


def _edit(server: "TelegramServer", form: Form, message: Message, method: str, content: tuple[str, str] | None) -> Any:
    markup = checks.check_keyboard(form.json("reply_markup"))
    body = {key: value for key, value in message.body.items() if key != "reply_markup"}
    if content is None:
        body.update(_written("", "", (), markup))
    else:
        kind, text = content
        for key in ("text", "caption", "entities", "caption_entities"):
            body.pop(key, None)
        body.update(_written(kind, text, _entities(form, kind, text), markup))
    if body == message.body:
        raise bad(_SAME)
    message.body = {**body, "edit_date": int(time.time())}
    entities = tuple(body.get("entities", body.get("caption_entities", ())))
    server.record_edit(
        message,
        Edit(
            method=method,
            chat=body["chat"]["id"],
            message_id=body["message_id"],
            text=message.text,
            entities=entities,
            buttons=buttons_of(markup),
            at=time.monotonic(),
            live=checks.live_parts(message.text, entities),
        ),
    )
    return message.body


def delete_message(server: "TelegramServer", form: Form) -> Any:
    if not server.remove(server.chat(form.whole("chat_id"))["id"], form.whole("message_id")):
        raise bad("message to delete not found")
    return True


def answer_callback(server: "TelegramServer", form: Form) -> Any:
    query, text = form.text("callback_query_id"), form.text("text")
    if checks.units(text) > 200:
        raise bad("MESSAGE_TOO_LONG")
    server.answer(Answered(query, text, form.flag("show_alert"), time.monotonic()))
    return True


def get_file(server: "TelegramServer", form: Form) -> Any:
    return server.file_of(form.text("file_id"))


METHODS: Final[dict[str, Callable[["TelegramServer", Form], Any]]] = {
    "getme": get_me,
    "getupdates": get_updates,
    "deletewebhook": delete_webhook,
    "setmycommands": set_my_commands,
    "sendchataction": send_chat_action,
    "sendmessage": send_message,
    "sendphoto": send_photo,
    "senddocument": send_document,
    "editmessagetext": edit_text,
    "editmessagecaption": edit_caption,
    "editmessagereplymarkup": edit_markup,
    "deletemessage": delete_message,
    "answercallbackquery": answer_callback,
    "getfile": get_file,
}
# Those that Telegram counts against its limits of messages per second.
COUNTED: Final = frozenset(name for name in METHODS if name.startswith(("sendm", "sendp", "sendd", "edit")))
