"""The words and fields of each state, for someone who has never trained a model."""

from typing import Final

import msgspec

from tabsmith.tables.sources import FileSource, SampleName, SampleSource
from tabsmith.text import clean
from tabsmith.workflow import answers as say
from tabsmith.workflow.agent_options import MODE_OPTIONS, agent_options, breakpoint_facts
from tabsmith.workflow.checks import missing
from tabsmith.workflow.drafts import FieldName
from tabsmith.workflow.edits import column_names
from tabsmith.workflow.facts import columns, schema_facts, source_facts
from tabsmith.workflow.fields import (
    Choice,
    ChoiceField,
    Fact,
    Field,
    Option,
    ResultField,
    RunField,
    TextField,
)
from tabsmith.workflow.inputs import show_columns
from tabsmith.workflow.moves import default_out
from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.settings import (
    FAMILIES,
    METRICS,
    equivalent_command,
    metrics_for,
    read_choice,
    task_of,
)
from tabsmith.workflow.states import State

_SAMPLES: Final[dict[SampleName, tuple[str, str]]] = {
    "iris": ("iris flowers", "150 rows, three species"),
    "wine": ("wines", "178 rows, three growers"),
    "breast_cancer": ("breast cancer", "569 rows, two diagnoses"),
    "diabetes": ("diabetes", "442 rows, a number to predict"),
    "digits": ("handwritten digits", "1,797 rows, ten digits"),
    "linnerud": ("fitness", "20 rows, a number to predict"),
}

_SCHEMA_EXAMPLE: Final = "target: price\nfeatures: area, rooms, district\ntypes: district = category"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a prompt that belongs to one state alone."""

    title: str
    words: str
    fields: tuple[Field, ...] = ()
    facts: tuple[Fact, ...] = ()
    choices: tuple[Choice, ...] = ()
    default: int = 0
    missing: tuple[str, ...] = ()
    command: str = ""


def idle(_session: WorkflowSession) -> Page:
    """Before anything."""
    return Page(
        title="A model from your table",
        words="Choose a table, confirm what was understood of it, and train.",
        choices=(Choice("Start", say.Begin()),),
    )


def choosing_data_source(session: WorkflowSession) -> Page:
    """File, sample or upload."""
    choices = (
        Choice("A file on this machine", say.ChooseFile(), "CSV, Excel, Parquet, JSON"),
        *(Choice(f"Sample: {name}", say.ChooseSample(key), detail) for key, (name, detail) in _SAMPLES.items()),
        Choice("A file that is sent here", say.ChooseUpload(), "from a phone"),
    )
    chosen: say.Answer | None = None
    if session.origin == "sample" and isinstance(session.source, SampleSource):
        chosen = say.ChooseSample(session.source.name)
    elif session.origin == "upload":
        chosen = say.ChooseUpload()
    default = next((place for place, choice in enumerate(choices) if choice.answer == chosen), 0)
    return Page(
        title="Where is your table?",
        words="Your data stays on this machine. A sample is a good first try.",
        choices=choices,
        default=default,
    )


def awaiting_file_path(session: WorkflowSession) -> Page:
    """The path of the file."""
    path = session.draft(FieldName.PATH)
    as_text = isinstance(session.source, FileSource) and session.source.as_text
    return Page(
        title="Which file?",
        words="Type or paste the path of the file. Nothing is read yet.",
        fields=(_text(session, FieldName.PATH, "Path", path, example="~/data/houses.csv"),),
        choices=(Choice("Go on", say.GivePath(path, as_text), reads=(FieldName.PATH,)),),
        missing=() if path.strip() else ("the path of a file",),
    )


def awaiting_data(session: WorkflowSession) -> Page:
    """A file that will be sent."""
    path = session.draft(FieldName.DATA)
    return Page(
        title="Send the file",
        words="It is read as soon as it is here.",
        fields=(_text(session, FieldName.DATA, "File", path),),
        choices=(Choice("Read it", say.GiveData(path), reads=(FieldName.DATA,)),),
        missing=() if path.strip() else ("a file",),
    )


def choosing_load_option(session: WorkflowSession) -> Page:
    """Read now or later."""
    return Page(
        title="Load the table now?",
        words="Loading shows what the columns hold, so that you can check them before training.",
        facts=source_facts(session),
        choices=(
            Choice("Load now", say.LoadNow(), "read it, and check the columns"),
            Choice("Later", say.Defer(), "describe the columns in words; the file is read when training starts"),
        ),
        default=1 if session.load == "defer" else 0,
    )


def confirming_schema(session: WorkflowSession) -> Page:
    """The schema to be looked over."""
    return Page(
        title="Is this right?",
        words="Check the target, the column to predict, first. Change what is wrong; the rest can stay.",
        fields=(columns(session),),
        facts=schema_facts(session),
        choices=(
            Choice("Accept", say.AcceptSchema()),
            Choice("Choose step by step", say.EditSchema(), "the target, then the features"),
            Choice("Another table", say.RejectSchema()),
        ),
        missing=tuple(need.value for need in missing(State.CONFIGURING_MODEL, session)),
    )


def selecting_target(session: WorkflowSession) -> Page:
    """The target alone."""
    present = session.schema.target if session.schema else ""
    text = session.draft(FieldName.TARGET) or present
    candidates = session.schema.targets if session.schema else ()
    return Page(
        title="What should be predicted?",
        words="Give the name of a column, or its number.",
        fields=(_text(session, FieldName.TARGET, "Target", text), columns(session)),
        facts=tuple(
            Fact("Likely", clean(each.name, 40), f"{clean(each.reason)} ({each.confidence:.0%})") for each in candidates
        ),
        choices=(Choice("Go on", say.ChooseTarget(text), reads=(FieldName.TARGET,)),),
        missing=() if text.strip() else ("a target",),
    )


def selecting_features(session: WorkflowSession) -> Page:
    """The features alone."""
    schema = session.schema
    shown = show_columns([column.name for column in schema.features], column_names(schema)) if schema else ""
    text = session.draft(FieldName.FEATURES) or shown
    return Page(
        title="Which columns may the model use?",
        words="Leave out what is not known yet when you predict. Names, numbers and ranges all work.",
        fields=(
            _text(session, FieldName.FEATURES, "Features", text, example="1-5, 8, price   or   all but 3"),
            columns(session),
        ),
        choices=(Choice("Go on", say.ChooseFeatures(text), reads=(FieldName.FEATURES,)),),
        missing=() if text.strip() else ("at least one feature",),
    )


def awaiting_schema_input(session: WorkflowSession) -> Page:
    """A schema in words."""
    text = session.draft(FieldName.SCHEMA)
    field = _text(
        session,
        FieldName.SCHEMA,
        "Schema",
        text,
        help="As lines of name: value, as JSON, or as a plain list of columns with the target first.",
        example=_SCHEMA_EXAMPLE,
        lines=8,
    )
    return Page(
        title="Describe the columns",
        words="Name the target, and the features unless all others are. The file is not read before training.",
        fields=(field,),
        facts=source_facts(session),
        choices=(Choice("Go on", say.GiveSchema(text), reads=(FieldName.SCHEMA,)),),
        missing=() if text.strip() else ("a schema in words",),
    )


def configuring_model(session: WorkflowSession) -> Page:
    """How to train, and everything on one page."""
    problems = {each.field: each.error for each in read_choice(session).problems}
    metrics = (
        Option("default", "what fits the target", "ROC AUC, log loss or RMSE"),
        *(Option(name, METRICS[name].label, METRICS[name].detail) for name in metrics_for(task_of(session))),
    )
    families = (
        Option("any", "whichever is best", "several are tried"),
        *(Option(name, words) for name, words in FAMILIES.items()),
    )

    def chosen(name: FieldName, label: str, options: tuple[Option, ...]) -> ChoiceField:
        return ChoiceField(name, label, session.draft(name), options, problem=problems.get(name))

    def typed(name: FieldName, label: str, words: str, example: str) -> TextField:
        return TextField(name, label, session.draft(name), words, example, problems.get(name))

    return Page(
        title="How should it be trained?",
        words="The values shown are a good start. Nothing runs before you say so.",
        fields=(
            typed(FieldName.TIME, "Time", "the best model so far is kept when it is over", "90, 2 min, 1:30"),
            chosen(FieldName.METRIC, "Metric", metrics),
            chosen(FieldName.FAMILY, "Family", families),
            chosen(FieldName.AGENT, "Agent", agent_options(session.defaults)),
            typed(FieldName.BUDGET, "Budget", "the most that an agent may cost; empty for no limit", "$2, 100k tokens"),
            chosen(FieldName.MODE, "Asks you", MODE_OPTIONS),
            typed(FieldName.ITERATIONS, "Iterations", "at most so many models; 0 for as many as the time allows", "20"),
            typed(FieldName.SEED, "Seed", "the same seed gives the same folds", "0"),
        ),
        facts=(*source_facts(session), *schema_facts(session), *breakpoint_facts(session)),
        choices=(
            Choice("Train", say.Train()),
            *((Choice("Back to the last run", say.ShowRun(), session.run_id),) if session.run_id else ()),
        ),
        missing=tuple(f"{name.value} that can be understood" for name in problems),
        command=equivalent_command(session),
    )


def training(session: WorkflowSession) -> Page:
    """The run to watch."""
    return Page(
        title="Training",
        words="You may leave: the run goes on, and is here when you come back.",
        fields=(RunField(session.run_id),),
        command=equivalent_command(session),
    )


def trained(session: WorkflowSession) -> Page:
    """The model."""
    return Page(
        title="The model is ready",
        words="It is saved. Predict new rows now, or finish.",
        fields=() if session.model is None else (ResultField(session.model, session.prediction),),
        choices=(
            Choice("Predict new rows", say.PredictRows()),
            Choice("Finish", say.Finish(), "the model and the run stay"),
        ),
    )


def predicting(session: WorkflowSession) -> Page:
    """New rows."""
    path, out = session.draft(FieldName.NEW_ROWS), session.draft(FieldName.OUT)
    return Page(
        title="Which rows should be predicted?",
        words="A table with the same columns; the target may be missing.",
        fields=(
            _text(session, FieldName.NEW_ROWS, "New rows", path, example="~/data/new-houses.csv"),
            _text(
                session,
                FieldName.OUT,
                "Result",
                out,
                help="A CSV or Parquet file. Left empty, it goes beside the new rows.",
                example=default_out(path) if path.strip() else "",
            ),
            *(() if session.model is None else (ResultField(session.model, session.prediction),)),
        ),
        choices=(
            Choice("Predict", say.GiveNewRows(path, out), reads=(FieldName.NEW_ROWS, FieldName.OUT)),
            Choice("Finish", say.Finish(), "the model and the run stay"),
        ),
        missing=() if path.strip() else ("a table of new rows",),
    )


def completed(session: WorkflowSession) -> Page:
    """The end."""
    return Page(
        title="Done",
        words="The model and its run are kept. This conversation is over.",
        fields=() if session.model is None else (ResultField(session.model, session.prediction),),
        choices=(Choice("Start with another table", say.Begin()),),
    )


def error(session: WorkflowSession) -> Page:
    """What went wrong, and the way on."""
    resumes = session.retry == State.TRAINING
    return Page(
        title="Something went wrong",
        words="Nothing you entered is lost.",
        fields=(RunField(session.run_id),) if resumes else (),
        choices=(Choice("Resume the run" if resumes else "Try again", say.TryAgain()),),
    )


def _text(
    session: WorkflowSession,
    name: FieldName,
    label: str,
    value: str,
    *,
    help: str = "",  # noqa: A002 - the field's name
    example: str = "",
    lines: int = 1,
) -> TextField:
    return TextField(name, label, value, help, example, session.problem_of(name), lines)
