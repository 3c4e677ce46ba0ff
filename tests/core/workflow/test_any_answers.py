"""Whatever is answered in whatever order: no crash but StepError, prerequisites hold, nothing is lost on disk."""

import contextlib

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tabsmith.errors import StepError
from tabsmith.tables.schema import Kind, Role, Split, SplitKind
from tabsmith.workflow import answers as say
from tabsmith.workflow.checks import missing
from tabsmith.workflow.drafts import FieldName
from tabsmith.workflow.prompts import filled, prompt
from tabsmith.workflow.session import HISTORY, WorkflowSession
from tabsmith.workflow.states import State
from tabsmith.workflow.steps import step, way_back

from . import builders as b

RUN = b.moment().new_id(b.NOW)
COLUMN = st.sampled_from([*b.COLUMNS, "no such", "", "3", "[/nope]", "\x1b[2J"])
TEXT = st.one_of(
    COLUMN, st.text(max_size=20), st.sampled_from(["target: price", "all", "all but 2", "1-3", "90", "2 min"])
)
PATH = st.sampled_from(["/data/houses.csv", "/data/flats.csv", "", "\x00"])

ANSWERS = st.one_of(
    st.sampled_from(
        [say.Begin(), say.ChooseFile(), say.ChooseUpload(), say.ChooseSample("iris"), say.LoadNow(), say.Defer()]
    ),
    st.sampled_from(
        [say.AcceptSchema(), say.RejectSchema(), say.EditSchema(), say.Train(), say.TryAgain(), say.ShowRun()]
    ),
    st.sampled_from([say.PredictRows(), say.Finish(), say.Back(), say.TryAgain(), say.WentWrong(b.TROUBLE)]),
    st.sampled_from([say.RunFinished(b.report(RUN)), say.RunStopped(RUN), say.RunFailed(RUN, b.TROUBLE)]),
    st.sampled_from([say.RunInterrupted(RUN), say.RunInterrupted("other"), say.Cancel()]),
    st.sampled_from([say.LoadFailed(b.TROUBLE), say.DetectFailed(b.TROUBLE), say.PathRefused(b.TROUBLE)]),
    st.builds(say.GivePath, PATH, st.booleans()),
    st.builds(say.GiveData, PATH),
    st.builds(say.GiveNewRows, PATH, st.sampled_from(["", "/out.csv"])),
    st.builds(say.Type, st.sampled_from(FieldName), TEXT),
    st.builds(say.ChangeRole, COLUMN, st.sampled_from(msgspec.inspect.type_info(Role).values)),  # type: ignore[attr-defined]
    st.builds(say.ChangeKind, COLUMN, st.sampled_from(msgspec.inspect.type_info(Kind).values)),  # type: ignore[attr-defined]
    st.builds(
        say.ChangeSplit,
        st.builds(
            Split,
            st.sampled_from(msgspec.inspect.type_info(SplitKind).values),  # type: ignore[attr-defined]
            COLUMN,
            st.floats(0, 1),
            st.integers(0, 30),
        ),
    ),
    st.builds(say.ChangeTarget, COLUMN),
    st.builds(say.ChooseTarget, TEXT),
    st.builds(say.ChooseFeatures, TEXT),
    st.builds(say.GiveSchema, TEXT),
    st.sampled_from(["district", "price", ""]).map(lambda target: say.TargetDetected(b.schema(target))),
)


class AnyAnswers(RuleBasedStateMachine):
    """A person, a surrounding and a clock without any sense."""

    @initialize(walk=st.sampled_from([(), b.TO_SCHEMA, b.TO_MODEL, b.TO_TRAINING, b.TO_PREDICTING]))
    def begin(self, walk: tuple[say.Answer, ...]) -> None:
        self.session = b.at(*walk)

    @rule(answer=ANSWERS, willing=st.booleans())
    def answer(self, answer: say.Answer, willing: bool) -> None:
        before = self.session
        with contextlib.suppress(StepError):
            self.session = b.say_to(before, answer, results=willing).session
        if isinstance(answer, say.GivePath) and before.state == State.AWAITING_FILE_PATH:
            assert self.session.draft(FieldName.PATH) == answer.path

    @rule()
    def enter(self) -> None:
        """The default choice, as it is shown."""
        shown = prompt(self.session)
        if shown.choices:
            with contextlib.suppress(StepError):
                self.session = b.say_to(self.session, filled(shown.choices[shown.default], {})).session

    @rule(answer=ANSWERS)
    def back_shows_the_same_prompt_again(self, answer: say.Answer) -> None:
        before = self.session
        try:
            after = step(before, answer, b.moment()).session
        except StepError:
            return
        moved_on = after.state != before.state and after.history == (*before.history, before.state)[-HISTORY:]
        if not moved_on or missing(before.state, after):
            return
        back = step(after, say.Back(), b.moment()).session
        assert back.state == before.state
        assert [type(field) for field in prompt(back).fields] == [type(field) for field in prompt(before).fields]
        assert prompt(back).title == prompt(before).title
        assert back.drafts.items() >= after.drafts.items()

    @invariant()
    def prerequisites_hold(self) -> None:
        assert missing(self.session.state, self.session) == ()
        assert len(self.session.history) <= HISTORY

    @invariant()
    def the_session_comes_back_from_json_as_it_was(self) -> None:
        data = msgspec.json.encode(self.session)
        assert msgspec.json.decode(data, type=WorkflowSession) == self.session

    @invariant()
    def the_prompt_can_be_shown(self) -> None:
        shown = prompt(self.session)
        assert (shown.state, bool(shown.title)) == (self.session.state, True)
        assert (shown.back_to is not None) == bool(way_back(self.session))


TestAnyAnswers = AnyAnswers.TestCase
TestAnyAnswers.settings = settings(
    max_examples=250,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
