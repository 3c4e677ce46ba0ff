"""The form of each step: `step_form(session)` is all that a screen or the bridge needs to show a state.

The texts are for someone who has never trained a model.
"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from tabsmith.agent_registry import AGENTS
from tabsmith.agents.protocol import AgentName
from tabsmith.errors import ErrorReport, MissingColumnError
from tabsmith.families.registry import family_labels
from tabsmith.formatting import size
from tabsmith.modeling.large_tables.memory_plan import all_rows_note, plan_memory
from tabsmith.modeling.metric_catalogue import METRIC_DESCRIPTIONS, default_metric
from tabsmith.processes import available_cores
from tabsmith.recipes.portfolio import measure_table
from tabsmith.tables.read.sources import FileSource, SampleName, SampleSource, describe_source
from tabsmith.tables.schema.manual import EXAMPLES
from tabsmith.tables.schema.readiness import find_obstacle
from tabsmith.text import clean, plural
from tabsmith.workflow import actions
from tabsmith.workflow.form import (
    ChoiceField,
    ColumnLine,
    ColumnsField,
    Fact,
    FormField,
    Option,
    ResultField,
    RunField,
    StepChoice,
    StepForm,
    StepLine,
    TextField,
)
from tabsmith.workflow.inputs import show_columns, show_iterations
from tabsmith.workflow.machine import marks, missing, way_back
from tabsmith.workflow.schema_edits import column_names
from tabsmith.workflow.session import FieldDefaults, FieldName, WorkflowSession
from tabsmith.workflow.states import GuidedStep, State, StepMark
from tabsmith.workflow.training_settings import (
    equivalent_command,
    event_classes,
    event_of,
    metrics_for,
    read_choice,
    reads_files,
    task_of,
)
from tabsmith.workflow.transitions import default_out

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")


def _columns(session: WorkflowSession) -> ColumnsField:
    """The columns of the table with their numbers, evidence and profiles."""
    schema, table, edits = session.schema, session.table, session.edits
    assert schema is not None
    assert table is not None
    profiles = {column.name: column for column in table.profile.columns}
    lines = tuple(
        ColumnLine(
            number,
            column.name,
            column.kind,
            column.role,
            clean(column.evidence),
            column.warnings,
            profiles.get(column.name),
            column.name in edits.roles or column.name in edits.kinds,
        )
        for number, column in enumerate(schema.columns, start=1)
    )
    return ColumnsField(
        lines,
        schema.target,
        schema.targets,
        schema.problem_type,
        schema.split,
        table.rejected_count,
        table.repaired_count,
        schema.warnings,
        find_obstacle(schema, table.profile),
    )


def _source_facts(session: WorkflowSession) -> tuple[Fact, ...]:
    """The table's source, and the size of its file."""
    if session.source is None:
        return ()
    facts = [Fact("Table", clean(describe_source(session.source)))]
    if session.file is not None:
        facts.append(Fact("Size", _bytes(session.file.size), clean(session.file.path, 300)))
    return tuple(facts)


def _schema_facts(session: WorkflowSession) -> tuple[Fact, ...]:
    """The rows, target, task, features and split of the schema."""
    if session.load == "defer" and session.manual is not None:
        manual = session.manual
        features = plural(len(manual.features), "column") if manual.features else "every other column"
        return (
            Fact("Target", clean(manual.target, 60), "as you described it"),
            Fact("Features", features),
            Fact("Task", "found when the file is read" if manual.problem_type == "detect" else manual.problem_type),
            *_event_fact(manual.event),
        )
    schema = session.schema
    if schema is None:
        return ()
    reason = next((target.reason for target in schema.targets if target.name == schema.target), "")
    evidence = "as you chose it" if session.edits.target == schema.target else clean(reason)
    test_set = f", {100 * schema.split.holdout:.0f} % test set" if schema.split.holdout else ""
    by = clean(schema.split.by, 40)
    way = f"by time ({by})" if schema.split.kind == "forward" else f"{schema.split.kind}{' by ' + by if by else ''}"
    return (
        Fact("Rows", f"{schema.rows:,}"),
        Fact("Target", clean(schema.target, 60) or "none", evidence),
        Fact("Task", schema.problem_type),
        *_event_fact(schema.event),
        Fact("Features", f"{len(schema.features):,} of {plural(len(schema.columns), 'column')}"),
        Fact("Split", f"{way}{test_set}", clean(schema.split.reason)),
    )


def _event_fact(event: str) -> tuple[Fact, ...]:
    """The event of a target with two classes; nothing where it is not known or there are not two."""
    return (Fact("Event", clean(event, 60), "what F1, precision, recall and a threshold are about"),) if event else ()


def _bytes(size: int) -> str:
    if size < 1_000:
        return plural(size, "byte")
    power = min(4, (len(str(size)) - 1) // 3)
    value = size / 1_000**power
    return f"{value:,.0f} {_UNITS[power]}" if value >= 100 else f"{value:.1f} {_UNITS[power]}"


MODE_OPTIONS: Final = (
    Option("confirm", "at breakpoints", "and when a budget is spent"),
    Option("automatic", "never", "breakpoints are noted; a spent budget ends the run"),
    Option("manual", "before every recipe", "that a model proposes; and at breakpoints"),
)


DELIVER_OPTIONS: Final = (
    Option("all rows", "fitted again on all rows", "after the test set has measured it; the best model"),
    Option("measured", "the measured model", "which has not seen the test set"),
)


def _breakpoint_facts(session: WorkflowSession) -> tuple[Fact, ...]:
    """The conditions at which a run with the chosen agent pauses and asks."""
    conditions = session.defaults.breakpoints
    if session.draft(FieldName.AGENT) == "search" or not conditions:
        return ()
    return (Fact("Breakpoints", clean(", ".join(conditions), 300), "agents.breakpoints of the settings"),)


def _agent_options(defaults: FieldDefaults) -> tuple[Option, ...]:
    """The agents whose availability is known here, each ready or with the reason why it is not."""
    names = [name for name in AGENTS if name in defaults.agents or name in defaults.why_not]
    return tuple(_agent_option(name, defaults, alone=len(names) == 1) for name in names)


def _agent_option(name: AgentName, defaults: FieldDefaults, *, alone: bool) -> Option:
    reason = defaults.why_not.get(name, "")
    if reason:
        return Option(name, AGENTS[name].label, f"✘ {clean(reason, 200)}")
    return Option(name, AGENTS[name].label, "" if alone else "✔ ready")


_SAMPLES: Final[dict[SampleName, tuple[str, str]]] = {
    "iris": ("iris flowers", "150 rows, three species"),
    "wine": ("wines", "178 rows, three growers"),
    "breast_cancer": ("breast cancer", "569 rows, two diagnoses"),
    "diabetes": ("diabetes", "442 rows, a number to predict"),
    "digits": ("handwritten digits", "1,797 rows, ten digits"),
    "linnerud": ("fitness", "20 rows, a number to predict"),
}


def _form(
    session: WorkflowSession,
    title: str,
    words: str,
    *,
    fields: tuple[FormField, ...] = (),
    facts: tuple[Fact, ...] = (),
    choices: tuple[StepChoice, ...] = (),
    default: int = 0,
    missing: tuple[str, ...] = (),
    command: str = "",
) -> StepForm:
    """A form with the parts that every state has: the step list, the notices, the last problem and the way back."""
    history = way_back(session)
    return StepForm(
        state=session.state,
        step=session.step,
        title=title,
        words=words,
        fields=fields,
        facts=facts,
        choices=choices,
        default=default,
        missing=missing,
        notices=session.notices,
        problem=session.problem,
        command=command,
        steps=step_lines(session),
        back_to=history[-1] if history else None,
    )


def _idle(session: WorkflowSession) -> StepForm:
    return _form(
        session,
        "A model from your table",
        "Choose a table, confirm what was understood of it, and train.",
        choices=(StepChoice("Start", actions.Begin()),),
    )


def _choosing_data_source(session: WorkflowSession) -> StepForm:
    choices = (
        StepChoice("A file on this machine", actions.ChooseFile(), "CSV, Excel, Parquet, JSON"),
        *(StepChoice(f"Sample: {name}", actions.ChooseSample(key), detail) for key, (name, detail) in _SAMPLES.items()),
        StepChoice("A file that is sent here", actions.ChooseUpload(), "from a phone"),
    )
    chosen: actions.WorkflowAction | None = None
    if session.origin == "sample" and isinstance(session.source, SampleSource):
        chosen = actions.ChooseSample(session.source.name)
    elif session.origin == "upload":
        chosen = actions.ChooseUpload()
    default = next((index for index, choice in enumerate(choices) if choice.answer == chosen), 0)
    return _form(
        session,
        "Where is your table?",
        "Your data stays on this machine. A sample is a good first try.",
        choices=choices,
        default=default,
    )


def _awaiting_file_path(session: WorkflowSession) -> StepForm:
    path = session.draft(FieldName.PATH)
    as_text = isinstance(session.source, FileSource) and session.source.as_text
    return _form(
        session,
        "Which file?",
        "Type or paste the path of a file, or of a folder of files; or a database's address. Nothing is read yet.",
        fields=(_text(session, FieldName.PATH, "Path", path, example="~/data/houses.csv"),),
        choices=(
            StepChoice("Continue", actions.GivePath(path, as_text), reads=(FieldName.PATH,)),
            *(
                StepChoice(f"Again: {clean(describe_source(source), 60)}", actions.ChangeSource(source))
                for source in session.sources
            ),
        ),
        missing=() if path.strip() else ("the path of a file",),
    )


def _awaiting_data(session: WorkflowSession) -> StepForm:
    path = session.draft(FieldName.DATA)
    return _form(
        session,
        "Send the file",
        "It is read as soon as it is here.",
        fields=(_text(session, FieldName.DATA, "File", path),),
        choices=(StepChoice("Read it", actions.GiveData(path), reads=(FieldName.DATA,)),),
        missing=() if path.strip() else ("a file",),
    )


def _choosing_load_option(session: WorkflowSession) -> StepForm:
    return _form(
        session,
        "Load the table now?",
        "Loading shows what the columns hold, so that you can check them before training.",
        facts=_source_facts(session),
        choices=(
            StepChoice("Load now", actions.LoadNow(), "read it, and check the columns"),
            StepChoice(
                "Later", actions.Defer(), "describe the columns in words; the file is read when training starts"
            ),
        ),
        default=1 if session.load == "defer" else 0,
    )


def _confirming_schema(session: WorkflowSession) -> StepForm:
    return _form(
        session,
        "Check the columns",
        "Begin with the target, the column to predict. Change what is wrong; the rest can stay.",
        fields=(_columns(session),),
        facts=_schema_facts(session),
        choices=(
            StepChoice("Accept", actions.AcceptSchema()),
            StepChoice("Choose step by step", actions.EditSchema(), "the target, then the features"),
            StepChoice("Different file", actions.RejectSchema()),
        ),
        missing=tuple(need.value for need in missing(State.CONFIGURING_MODEL, session)),
    )


def _selecting_target(session: WorkflowSession) -> StepForm:
    present = session.schema.target if session.schema else ""
    text = session.draft(FieldName.TARGET) or present
    candidates = session.schema.targets if session.schema else ()
    return _form(
        session,
        "What should be predicted?",
        "Give the name of a column, or its number.",
        fields=(_text(session, FieldName.TARGET, "Target", text), _columns(session)),
        facts=tuple(
            Fact("Likely", clean(target.name, 40), f"{clean(target.reason)} ({target.confidence:.0%})")
            for target in candidates
        ),
        choices=(StepChoice("Continue", actions.ChooseTarget(text), reads=(FieldName.TARGET,)),),
        missing=() if text.strip() else ("a target",),
    )


def _selecting_features(session: WorkflowSession) -> StepForm:
    schema = session.schema
    shown = show_columns([column.name for column in schema.features], column_names(schema)) if schema else ""
    text = session.draft(FieldName.FEATURES) or shown
    return _form(
        session,
        "Which columns may the model use?",
        "Leave out what is not known yet when you predict. Names, numbers and ranges all work.",
        fields=(
            _text(session, FieldName.FEATURES, "Features", text, example="1-5, 8, price   or   all but 3"),
            _columns(session),
        ),
        choices=(StepChoice("Continue", actions.ChooseFeatures(text), reads=(FieldName.FEATURES,)),),
        missing=() if text.strip() else ("at least one feature",),
    )


def _awaiting_schema_input(session: WorkflowSession) -> StepForm:
    text = session.draft(FieldName.SCHEMA)
    field = _text(
        session,
        FieldName.SCHEMA,
        "Schema",
        text,
        help="As lines of name: value, as JSON, or as a plain list of columns with the target first.",
        example=EXAMPLES.pairs,
        lines=8,
    )
    return _form(
        session,
        "Describe the columns",
        "Name the target, and the features unless all others are. The file is not read before training.",
        fields=(field,),
        facts=_source_facts(session),
        choices=(StepChoice("Continue", actions.GiveSchema(text), reads=(FieldName.SCHEMA,)),),
        missing=() if text.strip() else ("a schema in words",),
    )


def _default_metric(session: WorkflowSession) -> Option:
    """The choice of the metric by the task: `Auto: log loss (3 classes)`; what it may be while the task is not known."""
    task = task_of(session)
    if task == "detect" or task == "none":
        return Option("default", "Auto: by the target", "ROC AUC, log loss or RMSE")
    metric = default_metric(task)
    classes = _classes(session) if task == "multiclass" else 0
    return Option(
        "default",
        f"Auto: {metric.label}{f' ({classes:,} classes)' if classes else ''}",
        METRIC_DESCRIPTIONS[metric.name],
    )


def _classes(session: WorkflowSession) -> int:
    """How many values the target has; 0 while they are not counted."""
    if session.load == "defer" or session.table is None or session.schema is None:
        return 0
    columns = session.table.profile.columns
    return next((column.distinct for column in columns if column.name == session.schema.target), 0)


def _label_fields(session: WorkflowSession, problems: Mapping[FieldName, ErrorReport]) -> tuple[FormField, ...]:
    """The event of two classes, and what the labels of classes are to be good for; nothing for a number."""
    task = task_of(session)
    if task not in ("binary", "multiclass", "detect"):
        return ()
    classes = event_classes(session)
    options = tuple(Option(name, clean(name, 40)) for name in classes)
    words = "what F1, precision, recall and a threshold are about"
    event = (ChoiceField(FieldName.EVENT, "Event", event_of(session), options, words),) if classes else ()
    example = "f1   or   measles=5,flu=2" if task == "multiclass" else "0.3   or   f1   or   miss=5,alarm=1"
    labels = TextField(
        FieldName.LABELS,
        "Labels",
        session.draft(FieldName.LABELS),
        "a threshold, a metric to tune for, or costs; empty for automatic",
        example,
        problems.get(FieldName.LABELS),
        empty="automatic",
    )
    return (*event, labels)


def _file_fields(session: WorkflowSession, problems: Mapping[FieldName, ErrorReport]) -> tuple[FormField, ...]:
    """What a person at this machine can name: a file of recipes, a model to go on from, and a test set of their own."""
    if not reads_files(session):
        return ()
    fields = (
        (FieldName.RECIPE, "Own recipes", "a file of recipes as JSON, tried first", "~/recipe.json", "none"),
        (
            FieldName.RESUME_FROM,
            "Go on from",
            "a saved model, whose recipes are tried first",
            "price-6f1ac2",
            "nothing",
        ),
        (FieldName.TEST, "Test set", "a table of its own to measure on", "~/data/test.csv", "part of the table"),
    )
    return tuple(
        TextField(name, label, session.draft(name), words, example, problems.get(name), empty=empty)
        for name, label, words, example, empty in fields
    )


def _memory_facts(session: WorkflowSession) -> tuple[Fact, ...]:
    """What a table that is larger than memory will need, and what of it is searched."""
    table, schema, defaults = session.table, session.schema, session.defaults
    if table is None or schema is None or not defaults.memory:
        return ()
    table_size = measure_table(schema, table.profile)
    plan = plan_memory(
        table_size.rows,
        table_size.columns,
        table_size.outputs,
        cores=defaults.cores or available_cores(),
        limit=defaults.memory,
        seed=defaults.seed,
    )
    if plan.sample is None:
        return ()
    needed = f"{size(plan.needed)} needed, {size(plan.limit)} allowed"
    searched = f"{plan.sample.rows:,} of {plan.sample.of:,} rows are searched and measured; {all_rows_note(plan)}"
    return (Fact("Memory", needed, searched),)


def _configuring_model(session: WorkflowSession) -> StepForm:
    problems = {problem.field: problem.error for problem in read_choice(session).problems}
    metrics = (
        _default_metric(session),
        *(
            Option(metric.name, metric.label, METRIC_DESCRIPTIONS[metric.name])
            for metric in metrics_for(task_of(session))
        ),
    )
    families = (
        Option("any", "whichever is best", "several are tried"),
        *(Option(name, label) for name, label in family_labels().items()),
    )

    def chosen(name: FieldName, label: str, options: tuple[Option, ...]) -> ChoiceField:
        return ChoiceField(name, label, session.draft(name), options, problem=problems.get(name))

    def typed(name: FieldName, label: str, words: str, example: str) -> TextField:
        return TextField(name, label, session.draft(name), words, example, problems.get(name))

    return _form(
        session,
        "How should it be trained?",
        "The values shown are a good start.",
        fields=(
            typed(FieldName.TIME, "Time", "the best model so far is kept when it is over", "90, 2 min, 1:30"),
            chosen(FieldName.METRIC, "Metric", metrics),
            *_label_fields(session, problems),
            chosen(FieldName.FAMILY, "Family", families),
            chosen(FieldName.AGENT, "Agent", _agent_options(session.defaults)),
            typed(FieldName.BUDGET, "Budget", "the most that an agent may cost; empty for no limit", "$2, 100k tokens"),
            chosen(FieldName.MODE, "Pause for me", MODE_OPTIONS),
            TextField(
                FieldName.ITERATIONS,
                "Iterations",
                show_iterations(session.draft(FieldName.ITERATIONS)),
                "at most so many models",
                "20",
                problems.get(FieldName.ITERATIONS),
            ),
            typed(FieldName.SEED, "Seed", "the same seed gives the same folds", "0"),
            replace(
                typed(FieldName.FAMILIES, "Only these", "several families; empty for any", "lightgbm, linear"),
                empty="any",
            ),
            replace(
                typed(
                    FieldName.EXCLUDE, "Leave out", "families that are not tried; empty for none", "catboost, linear"
                ),
                empty="nothing",
            ),
            chosen(FieldName.DELIVER, "Deliver", DELIVER_OPTIONS),
            *_file_fields(session, problems),
        ),
        facts=(
            *_source_facts(session),
            *_schema_facts(session),
            *_memory_facts(session),
            *_breakpoint_facts(session),
        ),
        choices=(
            StepChoice("Train", actions.Train()),
            *((StepChoice("Back to the last run", actions.ShowRun(), session.run_id),) if session.run_id else ()),
        ),
        missing=tuple(f"{name.value} that can be understood" for name in problems),
        command=equivalent_command(session),
    )


def _training(session: WorkflowSession) -> StepForm:
    return _form(
        session,
        "Training",
        "You may leave: the run continues, and is here when you come back.",
        fields=(RunField(session.run_id),),
        command=equivalent_command(session),
    )


def _trained(session: WorkflowSession) -> StepForm:
    return _form(
        session,
        "The model is ready",
        "It is saved. Predict new rows now, or finish.",
        fields=() if session.model is None else (ResultField(session.model, session.prediction),),
        choices=(
            StepChoice("Predict new rows", actions.PredictRows()),
            StepChoice("Finish", actions.Finish(), "the model and the run stay"),
        ),
    )


def _predicting(session: WorkflowSession) -> StepForm:
    path, out = session.draft(FieldName.NEW_ROWS), session.draft(FieldName.OUT)
    return _form(
        session,
        "Which rows should be predicted?",
        "A table with the same columns; the target may be missing.",
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
            StepChoice("Predict", actions.GiveNewRows(path, out), reads=(FieldName.NEW_ROWS, FieldName.OUT)),
            *_predict_without(session, path, out),
            StepChoice("Finish", actions.Finish(), "the model and the run stay"),
        ),
        missing=() if path.strip() else ("a table of new rows",),
    )


def _predict_without(session: WorkflowSession, path: str, out: str) -> tuple[StepChoice, ...]:
    """The choice to predict all the same, once predicting was refused for want of an important column."""
    if session.problem is None or session.problem.name != MissingColumnError.__name__:
        return ()
    answer = actions.GiveNewRows(path, out, allow_missing=True)
    return (StepChoice("Predict all the same", answer, "what is missing counts as missing values"),)


def _completed(session: WorkflowSession) -> StepForm:
    return _form(
        session,
        "Done",
        "The model and its run are kept. This conversation is over.",
        fields=() if session.model is None else (ResultField(session.model, session.prediction),),
        choices=(StepChoice("Start over", actions.Begin()),),
    )


def _error(session: WorkflowSession) -> StepForm:
    resumes = session.retry == State.TRAINING
    return _form(
        session,
        "Something went wrong",
        "Nothing you entered is lost.",
        fields=(RunField(session.run_id),) if resumes else (),
        choices=(StepChoice("Resume the run" if resumes else "Try again", actions.TryAgain()),),
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


_STEP_FORMS: Final[dict[State, Callable[[WorkflowSession], StepForm]]] = {
    State.IDLE: _idle,
    State.CHOOSING_DATA_SOURCE: _choosing_data_source,
    State.AWAITING_FILE_PATH: _awaiting_file_path,
    State.AWAITING_DATA: _awaiting_data,
    State.CHOOSING_LOAD_OPTION: _choosing_load_option,
    State.CONFIRMING_SCHEMA: _confirming_schema,
    State.SELECTING_TARGET: _selecting_target,
    State.SELECTING_FEATURES: _selecting_features,
    State.AWAITING_SCHEMA_INPUT: _awaiting_schema_input,
    State.CONFIGURING_MODEL: _configuring_model,
    State.TRAINING: _training,
    State.TRAINED: _trained,
    State.PREDICTING: _predicting,
    State.COMPLETED: _completed,
    State.ERROR: _error,
}


def step_form(session: WorkflowSession) -> StepForm:
    """The form of the session's state: title, text, fields with their values, choices, and what is missing.

    Pure and quick, so that a surface may call it whenever it draws.
    """
    return _STEP_FORMS[session.state](session)


def filled(choice: StepChoice, texts: Mapping[FieldName, str]) -> actions.UserAction:
    """The action of `choice` with the present texts of the surface's fields; other values stay as they are shown."""
    names = actions.TEXT_FIELDS.get(type(choice.answer), {})
    changes = {name: texts[field] for field, name in names.items() if field in texts}
    return replace(choice.answer, **changes) if changes else choice.answer


def step_lines(session: WorkflowSession) -> tuple[StepLine, ...]:
    """The step list: each guided step with its mark and, once it was reached, a word for what was chosen there."""
    summaries = _step_summaries(session)
    return tuple(
        StepLine(guided, mark, "" if mark == StepMark.OPEN else summaries.get(guided, ""))
        for guided, mark in marks(session).items()
    )


def _step_summaries(session: WorkflowSession) -> dict[GuidedStep, str]:
    load = {"undecided": "", "now": "read" if session.table else "", "defer": "later"}[session.load]
    target = session.manual.target if session.load == "defer" and session.manual else ""
    if session.load == "now" and session.schema:
        target = session.schema.target
    family = family_labels().get(session.draft(FieldName.FAMILY), "any family")
    return {
        GuidedStep.SOURCE: "" if session.origin == "none" else session.origin,
        GuidedStep.TABLE: load,
        GuidedStep.SCHEMA: clean(target, 24),
        GuidedStep.MODEL: family,
        GuidedStep.TRAIN: session.run_id[-6:],
        GuidedStep.RESULT: "" if session.model is None else str(task_of(session)),
    }
