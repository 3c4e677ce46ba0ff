"""What the answers about a table and its schema change in a session. Pure; `transitions` says where each one leads."""

from collections.abc import Callable

from msgspec.structs import replace

from tabsmith.errors import SchemaError, StepError, UsageError
from tabsmith.tables.schema import Schema
from tabsmith.tables.sources import FileSource, SampleSource
from tabsmith.text import clean
from tabsmith.workflow import answers as say
from tabsmith.workflow import effects as do
from tabsmith.workflow.drafts import FieldName, FieldProblem
from tabsmith.workflow.edits import choosing_features, column_names, laid_over, with_kind, with_role, with_split
from tabsmith.workflow.inputs import read_column, read_columns
from tabsmith.workflow.moved import Moment, Moved, RefusedError
from tabsmith.workflow.session import Notice, NoticeKind, SeenFile, WorkflowSession, new_session


def _refuse(field: FieldName, error: UsageError) -> RefusedError:
    return RefusedError(FieldProblem(field, error.report(details=False)))


def stay(session: WorkflowSession, _answer: object, _moment: Moment) -> Moved:
    """Nothing changes but the place."""
    return Moved(session)


def afresh(session: WorkflowSession, _answer: object, moment: Moment) -> Moved:
    """A new session of the same user, with nothing said."""
    return Moved(new_session(session.user, session.defaults, moment.now, moment.new_id(moment.now)))


# Source and table --------------------------------------------------------------------------------------------------


def choose_file(session: WorkflowSession, _answer: say.ChooseFile, _moment: Moment) -> Moved:
    """The table is a file on this machine; what was chosen before stays until another is."""
    return Moved(replace(session, origin="file"))


def choose_upload(session: WorkflowSession, _answer: say.ChooseUpload, _moment: Moment) -> Moved:
    """The table will be sent here."""
    return Moved(replace(session, origin="upload"))


def choose_sample(session: WorkflowSession, answer: say.ChooseSample, _moment: Moment) -> Moved:
    """The table is a sample; nothing has to be checked."""
    return Moved(replace(session, origin="sample", source=SampleSource(answer.name), file=None))


def check_path(session: WorkflowSession, answer: say.GivePath, _moment: Moment) -> Moved:
    """Ask whether the file may be read."""
    return Moved(session, do.CheckPath(answer.path, answer.as_text))


def check_data(session: WorkflowSession, answer: say.GiveData, _moment: Moment) -> Moved:
    """Ask whether the file that was sent may be read."""
    return Moved(session, do.CheckPath(answer.path))


def check_new_rows(session: WorkflowSession, answer: say.GiveNewRows, _moment: Moment) -> Moved:
    """Ask whether the new rows may be read."""
    return Moved(session, do.CheckPath(answer.path, out=answer.out))


def take_path(session: WorkflowSession, answer: say.PathAccepted, _moment: Moment) -> Moved:
    """The file is the source now; a table read from another one no longer counts."""
    as_text = session.waiting is not None and session.waiting.as_text
    seen = SeenFile(answer.path, answer.size, answer.modified)
    return Moved(replace(session, source=FileSource(answer.path, as_text), file=seen))


def take_data(session: WorkflowSession, answer: say.PathAccepted, moment: Moment) -> Moved:
    """The file that was sent is the source, and is read at once."""
    return read_table(take_path(session, answer, moment).session, answer, moment)


def take_new_rows(session: WorkflowSession, answer: say.PathAccepted, _moment: Moment) -> Moved:
    """Ask for the predictions."""
    assert session.model is not None
    out = answer.out or default_out(answer.path)
    return Moved(session, do.PredictFile(session.model.model_id, FileSource(answer.path), out))


def default_out(path: str) -> str:
    """Where the predictions for the file at `path` go: beside it, as `<name>-predictions.csv`."""
    folder, slash, name = path.rpartition("/")
    stem = name.split(".")[0] or name
    return f"{folder}{slash}{stem}-predictions.csv"


def refuse_path(_session: WorkflowSession, answer: say.PathRefused, _moment: Moment) -> Moved:
    """The path stays, with the reason beside it."""
    raise RefusedError(FieldProblem(FieldName.PATH, answer.error))


def refuse_data(_session: WorkflowSession, answer: say.PathRefused, _moment: Moment) -> Moved:
    """As refuse_path, for a file that was sent."""
    raise RefusedError(FieldProblem(FieldName.DATA, answer.error))


def refuse_new_rows(_session: WorkflowSession, answer: say.PathRefused, _moment: Moment) -> Moved:
    """As refuse_path, for new rows."""
    raise RefusedError(FieldProblem(FieldName.NEW_ROWS, answer.error))


def read_table(session: WorkflowSession, _answer: object, _moment: Moment) -> Moved:
    """Ask for the table."""
    assert session.source is not None
    return Moved(replace(session, load="now"), do.ReadSource(session.source))


def defer(session: WorkflowSession, _answer: say.Defer, _moment: Moment) -> Moved:
    """Nothing is read before training."""
    return Moved(replace(session, load="defer"))


def take_table(session: WorkflowSession, answer: say.TableLoaded, _moment: Moment) -> Moved:
    """The table is there, with the person's edits laid over its schema; a target they chose is looked at again."""
    info = answer.info
    if info.source != session.source:
        raise StepError("This is another table than the one that was asked for.", next_step="Wait for the right one.")
    file = session.file and SeenFile(session.file.path, info.size, info.modified)
    loaded = _detected(replace(session, load="now", file=file, table=info), answer.schema)
    wanted = session.edits.target
    if wanted and wanted != answer.schema.target and wanted in column_names(answer.schema):
        return Moved(loaded, do.DetectTarget(info, wanted))
    return Moved(loaded)


def keep_error(session: WorkflowSession, answer: say.LoadFailed | say.PredictionFailed, _moment: Moment) -> Moved:
    """What went wrong is shown as it is."""
    return Moved(replace(session, problem=answer.error))


# Schema ------------------------------------------------------------------------------------------------------------


def accept_schema(session: WorkflowSession, _answer: say.AcceptSchema, _moment: Moment) -> Moved:
    """The schema counts as shown. Raises StepError while another target is being looked at."""
    if session.waiting is not None and session.waiting.work == "target":
        raise StepError(
            f"The table is still being looked at for the target {clean(session.waiting.target, 60)}.",
            next_step="Wait a moment, then accept.",
        )
    return Moved(session)


def change_role(session: WorkflowSession, answer: say.ChangeRole, moment: Moment) -> Moved:
    """Another role for a column; the role of the target is another target."""
    if answer.role == "target":
        return change_target(session, say.ChangeTarget(answer.column), moment)
    return Moved(_edited(lambda: with_role(session, _known(session, answer.column), answer.role)))


def change_kind(session: WorkflowSession, answer: say.ChangeKind, _moment: Moment) -> Moved:
    """Another kind for a column."""
    return Moved(_edited(lambda: with_kind(session, _known(session, answer.column), answer.kind)))


def change_split(session: WorkflowSession, answer: say.ChangeSplit, _moment: Moment) -> Moved:
    """Another way to set rows aside."""
    return Moved(_edited(lambda: with_split(session, answer.split)))


def change_target(session: WorkflowSession, answer: say.ChangeTarget, _moment: Moment) -> Moved:
    """Ask to understand the table for another target."""
    assert session.schema is not None
    assert session.table is not None
    column = _known(session, answer.column)
    if column == session.schema.target:
        return Moved(replace(session, waiting=None))
    return Moved(session, do.DetectTarget(session.table, column))


def choose_target(session: WorkflowSession, answer: say.ChooseTarget, _moment: Moment) -> Moved:
    """Look the table over for the target that was named; only when it is not the present one."""
    assert session.table is not None
    return Moved(session, do.DetectTarget(session.table, target_named(session, answer.text)))


def keep_target(session: WorkflowSession, _answer: say.ChooseTarget, _moment: Moment) -> Moved:
    """The target is the present one."""
    return Moved(_without_draft(session, FieldName.TARGET))


def same_target(session: WorkflowSession, answer: say.ChooseTarget) -> bool:
    """Whether the target named is the one that the schema has already."""
    assert session.schema is not None
    return bool(session.schema.target) and target_named(session, answer.text) == session.schema.target


def target_named(session: WorkflowSession, text: str) -> str:
    """The column that `text` names, or the present target when it is empty. Raises RefusedError."""
    assert session.schema is not None
    if not text.strip() and session.schema.target:
        return session.schema.target
    try:
        return read_column(text, column_names(session.schema))
    except UsageError as error:
        raise _refuse(FieldName.TARGET, error) from error


def take_target(session: WorkflowSession, answer: say.TargetDetected, _moment: Moment) -> Moved:
    """The table understood for the target that was asked for, with the edits laid over it."""
    target = answer.schema.target
    if session.waiting is None or session.waiting.target != target:
        raise StepError("This is the schema for another target than the one asked for.", next_step="Wait for it.")
    roles = {name: role for name, role in session.edits.roles.items() if name != target}
    edited = replace(session, edits=replace(session.edits, target=target, roles=roles))
    return Moved(_without_draft(_detected(edited, answer.schema), FieldName.TARGET))


def keep_detect_error(_session: WorkflowSession, answer: say.DetectFailed, _moment: Moment) -> Moved:
    """The target stays the present one, with the reason beside the field."""
    raise RefusedError(FieldProblem(FieldName.TARGET, answer.error), error=answer.error)


def choose_features(session: WorkflowSession, answer: say.ChooseFeatures, _moment: Moment) -> Moved:
    """These columns are the features."""
    assert session.schema is not None
    if not answer.text.strip():
        return Moved(_without_draft(session, FieldName.FEATURES))
    names = column_names(session.schema)
    eligible = [column.name for column in session.schema.columns if column.role in ("feature", "ignore")]
    try:
        chosen = read_columns(answer.text, names, eligible)
    except UsageError as error:
        raise _refuse(FieldName.FEATURES, error) from error
    if session.schema.target in chosen:
        words = f"{clean(session.schema.target, 60)} is the target; it cannot be a feature too."
        raise _refuse(FieldName.FEATURES, UsageError(words, next_step="Leave it out, or go back to the target."))
    if not chosen:
        words = "No column is left to predict with."
        raise _refuse(FieldName.FEATURES, UsageError(words, next_step="Choose at least one feature."))
    return Moved(_without_draft(_edited(lambda: choosing_features(session, chosen)), FieldName.FEATURES))


def take_schema_words(session: WorkflowSession, answer: say.GiveSchema, _moment: Moment) -> Moved:
    """The schema in words, if one of the three forms fits."""
    from tabsmith.tables.manual import parse

    try:
        manual = parse(answer.text)
    except SchemaError as error:
        raise _refuse(FieldName.SCHEMA, error) from error
    return Moved(replace(session, manual=manual))


def _detected(session: WorkflowSession, detected: Schema) -> WorkflowSession:
    """The session with a new detection, the person's edits laid over it; those that do not fit are told."""
    schema, left_out = laid_over(detected, session.edits)
    notices = session.notices
    if left_out:
        words = f"These changes of yours do not fit this table and were left out: {', '.join(left_out[:5])}."
        notices = (*notices, Notice(NoticeKind.EDITS_LEFT_OUT, words))
    return replace(session, detected=detected, schema=schema, notices=notices)


def _known(session: WorkflowSession, column: str) -> str:
    assert session.schema is not None
    if column not in column_names(session.schema):
        raise StepError(f"There is no column {clean(column, 60)!r}.", next_step="Choose one of the columns shown.")
    return column


def _edited(edit: Callable[[], WorkflowSession]) -> WorkflowSession:
    try:
        return edit()
    except SchemaError as error:
        raise RefusedError(error=error.report(details=False)) from error


def _without_draft(session: WorkflowSession, field: FieldName) -> WorkflowSession:
    """The value stands in the schema now, and is shown from there."""
    return replace(session, drafts={name: text for name, text in session.drafts.items() if name != field})
