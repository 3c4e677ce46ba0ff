"""What to show at each state: `prompt(session)` is all that a screen or the bridge needs."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from tabsmith.text import clean
from tabsmith.workflow import answers as say
from tabsmith.workflow import pages
from tabsmith.workflow.drafts import FieldName
from tabsmith.workflow.fields import Choice, Prompt, StepLine
from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.settings import FAMILIES, task_of
from tabsmith.workflow.states import GuidedStep, State, StepMark
from tabsmith.workflow.steps import marks, step_of, way_back

_PAGES: Final[dict[State, Callable[[WorkflowSession], pages.Page]]] = {
    State.IDLE: pages.idle,
    State.CHOOSING_DATA_SOURCE: pages.choosing_data_source,
    State.AWAITING_FILE_PATH: pages.awaiting_file_path,
    State.AWAITING_DATA: pages.awaiting_data,
    State.CHOOSING_LOAD_OPTION: pages.choosing_load_option,
    State.CONFIRMING_SCHEMA: pages.confirming_schema,
    State.SELECTING_TARGET: pages.selecting_target,
    State.SELECTING_FEATURES: pages.selecting_features,
    State.AWAITING_SCHEMA_INPUT: pages.awaiting_schema_input,
    State.CONFIGURING_MODEL: pages.configuring_model,
    State.TRAINING: pages.training,
    State.TRAINED: pages.trained,
    State.PREDICTING: pages.predicting,
    State.COMPLETED: pages.completed,
    State.ERROR: pages.error,
}


def prompt(session: WorkflowSession) -> Prompt:
    """Title, words, fields with their values, ways on, and what is missing. Pure and quick: call it at every draw."""
    page = _PAGES[session.state](session)
    history = way_back(session)
    return Prompt(
        state=session.state,
        step=step_of(session),
        title=page.title,
        words=page.words,
        fields=page.fields,
        facts=page.facts,
        choices=page.choices,
        default=page.default,
        missing=page.missing,
        notices=session.notices,
        problem=session.problem,
        command=page.command,
        steps=step_lines(session),
        back_to=history[-1] if history else None,
    )


def filled(choice: Choice, texts: Mapping[FieldName, str]) -> say.PersonAnswer:
    """The choice's answer with the texts that stand in the surface's fields now; others keep the value shown."""
    names = say.TEXTS.get(type(choice.answer), {})
    changes = {name: texts[field] for field, name in names.items() if field in texts}
    return replace(choice.answer, **changes) if changes else choice.answer


def step_lines(session: WorkflowSession) -> tuple[StepLine, ...]:
    """The step list: each guided step with its mark and, once reached, a word of what was chosen there."""
    words = _step_words(session)
    return tuple(
        StepLine(guided, mark, "" if mark == StepMark.OPEN else words.get(guided, ""))
        for guided, mark in marks(session).items()
    )


def _step_words(session: WorkflowSession) -> dict[GuidedStep, str]:
    load = {"undecided": "", "now": "read" if session.table else "", "defer": "later"}[session.load]
    target = session.manual.target if session.load == "defer" and session.manual else ""
    if session.load == "now" and session.schema:
        target = session.schema.target
    family = session.draft(FieldName.FAMILY)
    named = {name: words for name, words in FAMILIES.items() if name == family}
    return {
        GuidedStep.SOURCE: "" if session.origin == "none" else session.origin,
        GuidedStep.TABLE: load,
        GuidedStep.SCHEMA: clean(target, 24),
        GuidedStep.MODEL: next(iter(named.values()), "any family"),
        GuidedStep.TRAIN: session.run_id[-6:],
        GuidedStep.RESULT: "" if session.model is None else str(task_of(session)),
    }
