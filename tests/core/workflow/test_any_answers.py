"""Whatever is answered in whatever order: no crash but StepError, prerequisites hold, nothing is lost on disk."""

import contextlib

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tabsmith.errors import StepError
from tabsmith.runs.jobs import JobFailed, SchemaDetected
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, Split, SplitKind
from tabsmith.workflow import actions
from tabsmith.workflow.machine import missing, step, way_back
from tabsmith.workflow.session import HISTORY_LIMIT, FieldName, WorkflowSession
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import filled, step_form
from tests.soak import rounds

from . import builders as b

RUN = b.moment().new_id(b.NOW)
COLUMN = st.sampled_from([*b.COLUMNS, "no such", "", "3", "[/nope]", "\x1b[2J"])
TEXT = st.one_of(
    COLUMN, st.text(max_size=20), st.sampled_from(["target: price", "all", "all but 2", "1-3", "90", "2 min"])
)
PATH = st.sampled_from(["/data/houses.csv", "/data/flats.csv", "", "\x00"])

ANSWERS = st.one_of(
    st.sampled_from(
        [
            actions.Begin(),
            actions.ChooseFile(),
            actions.ChooseUpload(),
            actions.ChooseSample("iris"),
            actions.LoadNow(),
            actions.Defer(),
        ]
    ),
    st.sampled_from(
        [
            actions.AcceptSchema(),
            actions.RejectSchema(),
            actions.EditSchema(),
            actions.Train(),
            actions.TryAgain(),
            actions.ShowRun(),
        ]
    ),
    st.sampled_from(
        [actions.PredictRows(), actions.Finish(), actions.Back(), actions.TryAgain(), actions.WentWrong(b.TROUBLE)]
    ),
    st.sampled_from([actions.RunFinished(b.report(RUN)), actions.RunStopped(RUN), actions.RunFailed(RUN, b.TROUBLE)]),
    st.sampled_from([actions.RunInterrupted(RUN), actions.RunInterrupted("other"), actions.Cancel()]),
    st.sampled_from([JobFailed(b.TROUBLE), actions.PathRefused(b.TROUBLE)]),
    st.builds(actions.GivePath, PATH, st.booleans()),
    st.builds(actions.GiveData, PATH),
    st.just(actions.ChangeSource(b.OTHER_WAY)),
    st.builds(actions.GiveNewRows, PATH, st.sampled_from(["", "/out.csv"])),
    st.builds(actions.Type, st.sampled_from(FieldName), TEXT),
    st.builds(actions.ChangeRole, COLUMN, st.sampled_from(msgspec.inspect.type_info(ColumnRole).values)),  # type: ignore[attr-defined]
    st.builds(actions.ChangeKind, COLUMN, st.sampled_from(msgspec.inspect.type_info(ColumnKind).values)),  # type: ignore[attr-defined]
    st.builds(
        actions.ChangeSplit,
        st.builds(
            Split,
            st.sampled_from(msgspec.inspect.type_info(SplitKind).values),  # type: ignore[attr-defined]
            COLUMN,
            st.floats(0, 1),
            st.integers(0, 30),
        ),
    ),
    st.builds(actions.ChangeTarget, COLUMN),
    st.builds(actions.ChooseTarget, TEXT),
    st.builds(actions.ChooseFeatures, TEXT),
    st.builds(actions.GiveSchema, TEXT),
    st.sampled_from(["district", "price", ""]).map(lambda target: SchemaDetected(b.schema(target))),
)


class AnyAnswers(RuleBasedStateMachine):
    """A person, a surrounding and a clock without any sense."""

    @initialize(walk=st.sampled_from([(), b.TO_SCHEMA, b.TO_MODEL, b.TO_TRAINING, b.TO_PREDICTING]))
    def begin(self, walk: tuple[actions.WorkflowAction, ...]) -> None:
        self.session = b.at(*walk)

    @rule(answer=ANSWERS, willing=st.booleans())
    def answer(self, answer: actions.WorkflowAction, willing: bool) -> None:
        before = self.session
        with contextlib.suppress(StepError):
            self.session = b.say_to(before, answer, results=willing).session
        if isinstance(answer, actions.GivePath) and before.state == State.AWAITING_FILE_PATH:
            assert self.session.draft(FieldName.PATH) == answer.path

    @rule()
    def enter(self) -> None:
        """The default choice, as it is shown."""
        shown = step_form(self.session)
        if shown.choices:
            with contextlib.suppress(StepError):
                self.session = b.say_to(self.session, filled(shown.choices[shown.default], {})).session

    @rule(answer=ANSWERS)
    def back_shows_the_same_prompt_again(self, answer: actions.WorkflowAction) -> None:
        before = self.session
        try:
            after = step(before, answer, b.moment()).session
        except StepError:
            return
        moved_on = after.state != before.state and after.history == (*before.history, before.state)[-HISTORY_LIMIT:]
        if not moved_on or missing(before.state, after):
            return
        back = step(after, actions.Back(), b.moment()).session
        assert back.state == before.state
        assert [type(field) for field in step_form(back).fields] == [type(field) for field in step_form(before).fields]
        assert step_form(back).title == step_form(before).title
        assert back.drafts.items() >= after.drafts.items()

    @invariant()
    def prerequisites_hold(self) -> None:
        assert missing(self.session.state, self.session) == ()
        assert len(self.session.history) <= HISTORY_LIMIT

    @invariant()
    def the_session_comes_back_from_json_as_it_was(self) -> None:
        data = msgspec.json.encode(self.session)
        assert msgspec.json.decode(data, type=WorkflowSession) == self.session

    @invariant()
    def the_prompt_can_be_shown(self) -> None:
        shown = step_form(self.session)
        assert (shown.state, bool(shown.title)) == (self.session.state, True)
        assert (shown.back_to is not None) == bool(way_back(self.session))


TestAnyAnswers = pytest.mark.soak(AnyAnswers.TestCase)
TestAnyAnswers.settings = settings(
    max_examples=rounds(250, 60),
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
