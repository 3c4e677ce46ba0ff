"""Free text of a person who has a table: it is asked in words, as on every other surface."""

from tabsmith.runs.jobs import AskTable, JobFailed, TableAsked
from tabsmith.statistics.kept.session import FindingsStore
from tabsmith.statistics.words.reading import AskBack, Elsewhere, Understood
from tabsmith.tables.info import TableInfo
from tabsmith.telegram.chat.context import UpdateContext
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render.answers import answer_chart, answer_text, ask_back_text
from tabsmith.telegram.render.text import error_text
from tabsmith.workflow.effects import run_job


async def ask_table(context: UpdateContext, table: TableInfo, text: str) -> None:
    """Answer `text` about the table: send the answers with their pictures, or a question back.

    A number chooses from the question back that the person looks at. The update counts as answered only when all is in
    the outbox, so a bridge that is killed meanwhile asks the table again.
    """
    view = context.chat.view
    choice = int(text) if view.kind == "asked" and text.strip().isdecimal() and len(text.strip()) < 3 else 0
    question = view.name if choice else text
    outcome = await _asked(context, AskTable(table, question, context.chat.session_user))
    if choice and isinstance(outcome, TableAsked) and isinstance(outcome.reading, AskBack):
        choices = outcome.reading.choices
        chosen = choices[choice - 1] if 0 < choice <= len(choices) else outcome.reading
        if isinstance(chosen, Understood):
            outcome = await _asked(context, AskTable(table, question, context.chat.session_user, chosen))
        else:
            outcome = TableAsked(chosen)
    if isinstance(outcome, JobFailed):
        context.send_text(error_text(outcome.error))
        return
    match outcome.reading:
        case Understood():
            _send_answers(context, table, outcome.reading, outcome.kept)
            context.set_view(ChatView())
        case AskBack() | Elsewhere():
            context.send_text(ask_back_text(outcome.reading))
            offered = isinstance(outcome.reading, AskBack) and bool(outcome.reading.choices)
            context.set_view(ChatView("asked", question) if offered else ChatView())


async def _asked(context: UpdateContext, job: AskTable) -> TableAsked | JobFailed:
    result = await run_job(job, context.bridge.supervisor)
    assert isinstance(result, TableAsked | JobFailed), "a job answers in its own kind, or fails"
    return result


def _send_answers(context: UpdateContext, table: TableInfo, understood: Understood, numbers: tuple[int, ...]) -> None:
    session = FindingsStore(table, context.chat.session_user).load()
    for number in numbers:
        kept = session.number(number)
        context.send_text(answer_text(session, kept, understood))
        if (chart := answer_chart(kept)) is not None:
            context.send(chart)
