"""What the answers about training, results and trouble change in a session. Pure, as in `moves`."""

import math

from msgspec.structs import replace

from tabsmith.errors import ErrorReport, StepError
from tabsmith.modeling.results import ModelScore, Report
from tabsmith.text import clean
from tabsmith.workflow import answers as say
from tabsmith.workflow import effects as do
from tabsmith.workflow.moved import Moment, Moved, RefusedError
from tabsmith.workflow.session import Notice, NoticeKind, TrainedModel, WorkflowSession
from tabsmith.workflow.settings import read_choice, run_spec
from tabsmith.workflow.states import State


def train(session: WorkflowSession, _answer: say.Train, moment: Moment) -> Moved:
    """Ask for the run, or show every field that cannot be understood."""
    problems = read_choice(session).problems
    if problems:
        raise RefusedError(*problems)
    run_id = moment.new_id(moment.now)
    return Moved(replace(session, run_id=run_id), do.StartTraining(run_spec(session, run_id, moment.now)))


def finish_run(session: WorkflowSession, answer: say.RunFinished, _moment: Moment) -> Moved:
    """The model is there."""
    _require_run(session, answer.report.run_id)
    return Moved(replace(session, model=_in_short(answer.report), prediction=None))


def fail_run(session: WorkflowSession, answer: say.RunFailed, _moment: Moment) -> Moved:
    """There is no model; the settings are where to try again."""
    _require_run(session, answer.run_id)
    return Moved(replace(session, problem=answer.error, retry=State.CONFIGURING_MODEL))


def stop_run(session: WorkflowSession, answer: say.RunStopped, _moment: Moment) -> Moved:
    """There is no model, because a person wanted none."""
    _require_run(session, answer.run_id)
    notice = Notice(NoticeKind.RUN_STOPPED, "The run was stopped before there was a model. Train again when you like.")
    return Moved(replace(session, run_id="", notices=(notice,)))


def interrupt_run(session: WorkflowSession, answer: say.RunInterrupted, _moment: Moment) -> Moved:
    """The run can be resumed."""
    _require_run(session, answer.run_id)
    problem = ErrorReport(
        "WorkerError",
        "The run was interrupted: its worker process is gone.",
        where=f"run {session.run_id}",
        next_step="Try again resumes it where it stood. Nothing measured so far is lost.",
    )
    return Moved(replace(session, problem=problem, retry=State.TRAINING))


def go_wrong(session: WorkflowSession, answer: say.WentWrong, _moment: Moment) -> Moved:
    """What went wrong is shown; the present state is where to try again."""
    return Moved(replace(session, problem=answer.error, retry=session.state))


def resume_run(session: WorkflowSession, _answer: say.TryAgain, _moment: Moment) -> Moved:
    """Ask for the run to go on."""
    return Moved(session, do.ResumeTraining(session.run_id))


def take_prediction(session: WorkflowSession, answer: say.PredictionDone, _moment: Moment) -> Moved:
    """The predictions are written."""
    return Moved(replace(session, prediction=answer.prediction))


def finish(session: WorkflowSession, _answer: say.Finish, _moment: Moment) -> Moved:
    """The conversation is over; its document is removed."""
    return Moved(replace(session, history=(), revision=0), do.RemoveSession())


def _require_run(session: WorkflowSession, run_id: str) -> None:
    if run_id != session.run_id:
        raise StepError(
            f"The session waits for the run {clean(session.run_id, 60)}, not for {clean(run_id, 60)}.",
            next_step="Open the other run from the list of runs.",
        )


def _in_short(report: Report) -> TrainedModel:
    holdout = report.holdout.scores[0] if report.holdout and report.holdout.scores else None
    return TrainedModel(
        report.model_id,
        report.run_id,
        report.schema.target,
        report.schema.task,
        _finite(ModelScore(report.metric, report.cv_score)),
        _finite(holdout),
    )


def _finite(score: ModelScore | None) -> ModelScore | None:
    """A document holds no NaN: a score that is none is unknown."""
    if score is None or not math.isfinite(score.score):
        return None
    bounded = all(bound is not None and math.isfinite(bound) for bound in (score.low, score.high))
    return score if bounded else replace(score, low=None, high=None)
