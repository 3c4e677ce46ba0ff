"""The loop of a search: an agent proposes recipes, folds measure them, and the best becomes the champion."""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from tabsmith.agents.person import PersonAgent
from tabsmith.agents.protocol import (
    Agent,
    AgentSession,
    Brief,
    Exhausted,
    ModelReply,
    Prompt,
    Proposal,
    RemainingBudget,
)
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.conditions import IterationMetrics
from tabsmith.errors import (
    AgentError,
    ChildKilledError,
    ErrorReport,
    MachineError,
    MemoryShortError,
    ReportedError,
    WorkerError,
)
from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration import events
from tabsmith.orchestration.decisions import ChangeBrief, Decide, Decision, EndRun, Quality, Reply, Skip
from tabsmith.orchestration.events import LoopEvent
from tabsmith.orchestration.human_review import Breakpoints, HumanReview, LoopEnd, UserInterface, human_decision
from tabsmith.orchestration.limits import UsageTracker
from tabsmith.orchestration.loop.agent_calls import (
    NO_CALLS,
    AgentCaller,
    CallResult,
    EarlierCalls,
    Fallback,
    NoAnswer,
    count_rate_limits,
)
from tabsmith.orchestration.loop.champion import ChampionStatus, Judgement, judge_challenger
from tabsmith.orchestration.loop.decide import DecisionInput
from tabsmith.orchestration.loop.feedback import write_feedback
from tabsmith.orchestration.loop.grading import Grader, grade_by_rule, recipe_grade_prompt
from tabsmith.orchestration.loop.inputs import (
    build_brief,
    feedback_after_failures,
    feedback_input,
    grading_input,
    recipe_metrics,
    recipe_proposed,
)
from tabsmith.orchestration.loop.iteration import Evaluator, LoopContext, OutOfTimeError, RecipeIteration
from tabsmith.orchestration.loop.loop import Loop
from tabsmith.orchestration.loop.resume import (
    count_unscored,
    earlier_answer,
    earlier_calls,
    resumed_iteration,
    usage_of_iteration,
)
from tabsmith.orchestration.loop_state import LoopState, Trial
from tabsmith.orchestration.sessions import SessionRecorder, Transcripts
from tabsmith.recipes.difference import describe_difference
from tabsmith.recipes.recipe import Problem, Recipe, Verdict
from tabsmith.text import clean

MAX_UNSCORED: Final = 8
"""After so many recipes in a row without a score, the loop ends: something is wrong with the table, not the recipes."""

MIN_CALL_SECONDS: Final = 1.0
"""Seconds that a call to an agent may take at least, however little is left."""


class RecipeLoop(Loop[RecipeIteration]):
    """One search, which goes on from `state`: what the journal says of the loop so far.

    `trials` (those with a recipe) grows as it goes, so whoever ends it early finds all that was scored.
    """

    def __init__(
        self,
        planned: Agent,
        search: Agent,
        evaluator: Evaluator,
        ui: UserInterface,
        record: Callable[[LoopEvent], None],
        *,
        context: LoopContext,
        transcripts: Transcripts,
        state: LoopState,
        clock: Callable[[], float],
        remember: Callable[[RecipeIteration], object],
        grader: Grader | None = None,
    ) -> None:
        recorded = state.recorded
        number = state.unfinished.iteration - 1 if state.unfinished else recorded[-1].iteration if recorded else 0
        tracker = UsageTracker(
            lambda: ui.limits,
            clock,
            ui.seconds_for_fitting,
            warns_of_time=planned.uses_llm,
            iterations=number,
            failures=state.failures,
            usage=state.usage,
            warnings=state.warnings,
        )
        record = tracker.booking(record)
        decided = [(each.decision, each.facts) for each in recorded if each.decision and each.facts]
        super().__init__(
            ui,
            tracker,
            HumanReview(ui, tracker, record, asks=planned.uses_llm),
            Breakpoints(context.breakpoints).replay(metrics for _, metrics in decided),
            record,
            clock=clock,
            number=number,
            feedback=recorded[-1].feedback if recorded else "",
        )
        self.context = context
        self.trials: list[Trial] = [trial for trial in recorded if trial.recipe is not None]
        champion = next((trial for trial in reversed(recorded) if trial.won), None)
        self.champion = champion.evaluation if champion else None
        self._champion_status = ChampionStatus(state.probation, state.challengers_met)
        self._state = state
        self._earlier, self._used_before = NO_CALLS, NO_USAGE  # of the next iteration, by an earlier worker
        self._evaluator = evaluator
        self._remember = remember
        self._grader = grader
        self._unscored = count_unscored(recorded)
        self._asking: RecipeIteration | None = None  # the iteration whose agent is asked now
        self._fallback = Fallback(planned, search, record, failures=state.failures, reason=state.fallback_reason)
        self._person = PersonAgent(lambda: ui.recipes)
        self._transcripts = transcripts
        self._sessions = SessionRecorder(record, transcripts)
        self._agent_caller = AgentCaller(
            self._sessions,
            record,
            call_seconds=self._call_seconds,
            seconds_left=ui.seconds_for_fitting,
            may_spend=lambda: tracker.used_up() is None,
        )
        for decision, metrics in decided:
            progress = metrics.champion_changed or decision.action == "proceed"
            self._streak = self._streak.after(decision, progress=progress)

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Every evaluation with a score that counts, in the order they were made."""
        return tuple(each.evaluation for each in self.trials if each.evaluation is not None and not each.skipped)

    @property
    def usage(self) -> Usage:
        """What all sessions of the run used, earlier workers' included."""
        return self._tracker.usage

    @property
    def fallback_reason(self) -> str:
        """Why search stands in for the planned agent; "" while it does not."""
        return self._fallback.reason

    async def run(self) -> LoopEnd:
        """Iterate until a limit, a person, or the agent ends it; returns which."""
        return await self._resume() or await self.iterate()

    async def try_search_once(self) -> None:
        """Try one recipe of search whatever the limits say: a run ends with a model also where time was too short."""
        search = self._fallback.search
        brief = build_brief(
            self.number + 1, self.context, self.trials, self.champion, left=RemainingBudget(), notes=(), feedback=""
        )
        proposal = await search.propose(brief, NO_SESSION)
        if not isinstance(proposal, Exhausted):
            await self._carry_out(self._begin(search, NO_CALLS, NO_USAGE), CallResult(proposal))

    # From the brief to the score --------------------------------------------------------------------------------------

    async def _resume(self) -> LoopEnd | None:
        """Bring to an end what an earlier worker had begun; what it was told to end is not asked for again."""
        state, trial = self._state, self._state.unfinished
        if trial is not None:
            agent = self._person if trial.agent == self._person.name else self._fallback.called(trial.agent)
            if trial.finished or trial.skipped:
                iteration = resumed_iteration(trial, state, agent, self._transcripts, started=self._clock())
                self.number = iteration.number
                if not (trial.stopped or (trial.state == "unanswered" and not trial.trouble)):
                    return await self.finish_iteration(iteration)
                self.close_iteration(iteration)
            else:
                answer, earlier = earlier_answer(trial, state, self._transcripts), earlier_calls(trial, state)
                used = usage_of_iteration(trial.iteration, state)
                if self._ui.asked_to_end():
                    self._stop(self._new_iteration(agent, earlier, used), answer)
                elif answer is not None:
                    self._fallback.answered(agent)
                    rate_limits = count_rate_limits(earlier.failures)
                    result: CallResult[Proposal | Exhausted] = CallResult(
                        answer, earlier.sessions, len(earlier.failures), rate_limits
                    )
                    return await self._carry_out(self._begin(agent, earlier, used), result)
                else:
                    self._earlier, self._used_before = earlier, used
        return "done" if state.ending == "done" else None

    def _own_end(self) -> LoopEnd | None:
        if self._unscored < MAX_UNSCORED:
            return None
        message = f"{self._unscored} iterations in a row brought no score"
        self._record(events.Noted(message=message, level="warning"))
        return "done"

    async def _iterate(self) -> LoopEnd | None:
        try:
            iteration, result = await self._ask()
        except asyncio.CancelledError:
            if self._asking is not None and self._ui.asked_to_end():
                self._stop(self._asking)
            raise
        return await self._carry_out(iteration, result)

    async def _ask(self) -> tuple[RecipeIteration, CallResult[Proposal | Exhausted]]:
        """Get the next recipe. A search iteration is recorded only after a recipe exists, because search can be
        exhausted."""
        earlier, used = self._earlier, self._used_before
        self._earlier, self._used_before = NO_CALLS, NO_USAGE
        tried = frozenset(trial.recipe.id for trial in self.trials if trial.recipe is not None)
        order: tuple[Agent, ...] = (self._person,) if self._person.has_recipe(tried) else self._fallback.order()
        for agent in order:
            is_last = agent is order[-1]
            brief = build_brief(
                self.number + 1,
                self.context,
                self.trials,
                self.champion,
                left=self._tracker.remaining(),
                notes=self._ui.notes,
                feedback=self.feedback,
            )
            if agent.uses_llm:
                iteration = self._asking = self._begin(agent, earlier, used)
                self._ui.waiting(f"asking {agent.name}")
                result = await self._call(agent, brief, earlier, only_once=not is_last)
            else:
                iteration = self._new_iteration(agent, earlier, used)
                result = CallResult(await agent.propose(brief, NO_SESSION))
                if not isinstance(result.answer, Exhausted):
                    self._begin(agent, earlier, used)
            if is_last or not isinstance(result.answer, NoAnswer):
                break
            self._fallback.unanswered()
            earlier, used = EarlierCalls(sessions=result.sessions), self._tracker.usage - iteration.usage_before
        if not isinstance(result.answer, NoAnswer):
            self._fallback.answered(agent)
        self._asking = None
        return iteration, result

    async def _call(
        self, agent: Agent, brief: Brief, earlier: EarlierCalls, *, only_once: bool
    ) -> CallResult[Proposal | Exhausted]:
        return await self._agent_caller.call(
            agent.name,
            agent.model,
            brief.iteration,
            lambda session, failures: agent.propose(feedback_after_failures(brief, failures), session),
            earlier=earlier,
            only_once=only_once,
        )

    def _begin(self, agent: Agent, earlier: EarlierCalls, used: Usage) -> RecipeIteration:
        self._record(events.IterationStarted(iteration=self.number + 1, agent=agent.name))
        return self._new_iteration(agent, earlier, used)

    def _new_iteration(self, agent: Agent, earlier: EarlierCalls, used: Usage) -> RecipeIteration:
        """The next iteration, which has used `used` already, by an earlier worker or by an agent asked before."""
        return RecipeIteration(
            number=self.number + 1,
            agent=agent,
            started=self._clock(),
            usage_before=self._tracker.usage - used,
            sessions=earlier.sessions,
        )

    async def _carry_out(self, iteration: RecipeIteration, result: CallResult[Proposal | Exhausted]) -> LoopEnd | None:
        """From the answer to the record. An iteration that raises, or is ended by a person, is recorded too."""
        iteration.retries, iteration.rate_limits = result.retries, result.rate_limits
        iteration.sessions = result.sessions or iteration.sessions
        answer = result.answer
        if isinstance(answer, Exhausted):
            self._record(events.Noted(message=f"{iteration.agent.name}: {answer.reason}"))
            if iteration.agent.uses_llm:
                self._break_off(iteration, "it has nothing more to propose")
            return "done"
        self.number = iteration.number
        try:
            if isinstance(answer, NoAnswer):
                iteration.trouble = answer.trouble
                self._leave_unanswered(iteration, answer.message)
            else:
                iteration.proposal = answer
                await self._validate_and_evaluate(iteration, answer)
        except asyncio.CancelledError:
            if self._ui.asked_to_end():
                self._stop(iteration, answer)
            raise
        except MachineError:
            raise
        except BaseException as error:
            self._fail(iteration, "error", f"{type(error).__name__}: {error}")
            self.close_iteration(iteration)
            raise
        return await self.finish_iteration(iteration)

    async def _validate_and_evaluate(self, iteration: RecipeIteration, proposal: Proposal) -> None:
        iteration.stage = "proposed"
        self._record(recipe_proposed(iteration, proposal, self.champion))
        verdict = self._left_out(iteration, proposal.recipe) or await self._evaluator.check(proposal.recipe)
        if not verdict.valid:
            iteration.stage, iteration.problems = "refused", verdict.problems
            iteration.message = "; ".join(f"{problem.where}: {problem.what}" for problem in verdict.problems)
            self._record(events.RecipeRefused(iteration=iteration.number, problems=verdict.problems))
            return
        await self._ui.going()
        if await self._may_fit(iteration, proposal):
            await self._evaluate(iteration, proposal.recipe)

    def _left_out(self, iteration: RecipeIteration, recipe: Recipe) -> Verdict | None:
        """The refusal of an agent's recipe whose family the person has left out of the run; None for any other."""
        families = self.context.families
        if iteration.agent is self._person or not families or recipe.family in families:
            return None
        what = f"This run tries only: {', '.join(families)}."
        return Verdict(valid=False, complete=True, problems=(Problem("family", what),))

    async def _may_fit(self, iteration: RecipeIteration, proposal: Proposal) -> bool:
        """Whether the recipe is to be fitted; in manual mode the person says so, unless it is their own."""
        if self._review.mode != "manual" or iteration.agent is self._person:
            return True
        change = describe_difference(self.champion.recipe if self.champion else None, proposal.recipe)
        reply = await self._review.ask(
            iteration.number, "proposal", f"Fit this recipe? {change}", details=clean(proposal.reason, 500)
        )
        match reply:
            case Decide(action=action) if action != "proceed":
                iteration.decision = human_decision(action)
            case Skip() | ChangeBrief() | EndRun():
                pass
            case _:
                return True
        self._skip(iteration)
        return False

    async def _evaluate(self, iteration: RecipeIteration, recipe: Recipe) -> None:
        number = iteration.number
        try:
            evaluation = await self._evaluator.evaluate(
                number, recipe, lambda score: self._record(events.FoldScored(iteration=number, score=score))
            )
        except OutOfTimeError as error:
            self._fail(iteration, "time limit", error.report().what)
            return
        except (ChildKilledError, MemoryShortError) as error:  # tried again alone: the recipe needs more than there is
            self._fail(iteration, "error", error.report().what)
            return
        except MachineError:  # not the recipe's fault: it is evaluated again when the run is resumed
            raise
        except (ReportedError, WorkerError) as error:
            self._fail(iteration, "error", error.report().what)
            return
        if not math.isfinite(evaluation.mean):
            self._fail(iteration, "error", ErrorReport("NotFinite", "The score is not a finite number.").what)
            return
        iteration.stage, iteration.evaluation = "scored", evaluation
        self._record(events.Evaluated(iteration=number, evaluation=evaluation))

    # Iterations that end before a score -------------------------------------------------------------------------------

    def _stop(self, iteration: RecipeIteration, answer: object = None) -> None:
        """Record an iteration that the person ended; `answer` is the agent's, if it has given one."""
        if not isinstance(answer, Proposal):
            self._break_off(iteration, "stopped by you")
            return
        iteration.proposal = answer
        self._fail(iteration, "stopped", "stopped by you")
        self.close_iteration(iteration)

    def _break_off(self, iteration: RecipeIteration, message: str) -> None:
        """Record an iteration that ends without a recipe and without trouble."""
        self._leave_unanswered(iteration, message)
        self.close_iteration(iteration)

    def _leave_unanswered(self, iteration: RecipeIteration, message: str) -> None:
        iteration.stage, iteration.message = "unanswered", message
        self._record(events.Unanswered(iteration=iteration.number, trouble=iteration.trouble, message=message))

    def _fail(self, iteration: RecipeIteration, reason: events.FailureReason, message: str) -> None:
        iteration.stage = "stopped" if reason == "stopped" else "failed"
        iteration.message = message
        seconds = self._clock() - iteration.started
        self._record(
            events.EvaluationFailed(iteration=iteration.number, reason=reason, message=message, seconds=seconds)
        )

    def _skip(self, iteration: RecipeIteration) -> None:
        iteration.skipped = True
        self._record(events.IterationSkipped(iteration=iteration.number))

    # From the score to the record -------------------------------------------------------------------------------------

    async def finish_iteration(self, iteration: RecipeIteration) -> LoopEnd | None:
        """Judge the challenger first, and count the recipes that brought no score."""
        if iteration.stage in ("scored", "unanswered"):  # without an answer nothing is said of the table
            self._unscored = 0
        else:
            self._unscored += 1
        iteration.champion_before = self.champion
        iteration.judgement = iteration.judgement or self._judge(iteration)
        return await super().finish_iteration(iteration)

    def _judge(self, iteration: RecipeIteration) -> Judgement | None:
        if iteration.evaluation is None:
            return None
        on_probation = self._champion_status.probation
        return judge_challenger(self.champion, iteration.evaluation, self.context.metric, on_probation=on_probation)

    async def _grade(self, iteration: RecipeIteration) -> Quality | None:
        if iteration.stage == "unanswered":
            return None
        given, grader = grading_input(iteration, self.context, self.trials), self._grader
        if grader is None:
            return grade_by_rule(given)
        if iteration.grade_failed:
            return grade_by_rule(given, fallback=iteration.grade_failed)
        if self._tracker.used_up() is not None:
            return grade_by_rule(given, fallback="the budget is spent")
        attempt, seconds = 1 + iteration.grades, self._call_seconds()
        try:
            with self._sessions.open(
                iteration.number, attempt, grader.name, grader.model, seconds=seconds, purpose="grade"
            ) as session:
                return await grader.grade(recipe_grade_prompt(given), session)
        except AgentError as error:
            return grade_by_rule(given, fallback=clean(error.what, 200))

    def _decision_input(self, iteration: RecipeIteration) -> DecisionInput:
        quality, proposal, judgement = iteration.quality, iteration.proposal, iteration.judgement
        return DecisionInput(
            valid=proposal is not None and not iteration.problems,
            quality=quality.value if quality else 0.0,
            own_confidence=proposal.confidence if proposal else None,
            improved=judgement is not None and judgement.won,
            trouble=iteration.trouble,
        )

    def _metrics(self, iteration: RecipeIteration) -> IterationMetrics:
        return recipe_metrics(iteration, self.context, self.trials)

    def _obey(self, iteration: RecipeIteration, reply: Reply) -> LoopEnd | None:
        match reply:
            case Skip():
                self._skip(iteration)
            case Decide(action=action):
                if iteration.decision is None or iteration.decision.by != "person":
                    iteration.decision = human_decision(action)
                    self._record(events.Decided(iteration=iteration.number, decision=iteration.decision))
                if action == "retry":  # the recipe is left out, and another one is wanted instead
                    self._skip(iteration)
                elif action == "escalate":
                    self._fallback.give_up("you decided so")
                elif action == "checkpoint":
                    self._ui.pause()
            case EndRun():
                return "user"
            case _:
                pass  # what the reply means for the limits and the brief is applied already
        return None

    def _promote(self, iteration: RecipeIteration) -> None:
        judgement, evaluation = iteration.judgement, iteration.evaluation
        if judgement is None or evaluation is None or iteration.skipped:
            return
        self._champion_status = self._champion_status.after(judgement)
        if not judgement.won:
            return
        self.champion = evaluation
        if "promoted" not in iteration.reported:
            self._record(
                events.ChampionChanged(
                    iteration=iteration.number,
                    recipe=evaluation.recipe,
                    mean=evaluation.mean,
                    standard_error=evaluation.standard_error,
                    rule=judgement.rule,
                    probation=judgement.probation,
                )
            )

    @property
    def _failures(self) -> int:
        return self._fallback.failures

    def _failures_after(self, iteration: RecipeIteration, decision: Decision) -> int:
        return self._fallback.failures_after(iteration.agent, failed=_agent_failed(iteration, decision))

    def _count_decision(self, iteration: RecipeIteration, decision: Decision) -> None:
        why = iteration.message or decision.rule
        self._fallback.settled(iteration.agent, failed=_agent_failed(iteration, decision), why=why)

    def _brought_progress(self, iteration: RecipeIteration, decision: Decision) -> bool:
        # A recipe that was good enough is progress in itself, whether or not it became the champion.
        return iteration.promoted or decision.action == "proceed"

    def _write_feedback(self, iteration: RecipeIteration) -> str:
        if not self._fallback.planned.uses_llm:
            return self.feedback
        return write_feedback(feedback_input(iteration, self.context, self.trials, self.champion))

    def _keep(self, iteration: RecipeIteration) -> None:
        if iteration.proposal is not None:
            self.trials.append(iteration.as_trial())
        self._remember(iteration)

    def _call_seconds(self) -> float:
        return max(MIN_CALL_SECONDS, min(self.context.patience, self._ui.seconds_for_fitting()))


class _NoSession:
    """The session of an agent that uses no model."""

    session = ""
    seconds = 0.0

    def on_prompt(self, prompt: Prompt) -> None:
        raise AssertionError(f"an agent that uses no model has sent a prompt: {prompt.text[:80]}")

    def on_reply(self, reply: ModelReply) -> None:
        raise AssertionError(f"an agent that uses no model has got a reply: {reply.text[:80]}")


NO_SESSION: AgentSession = _NoSession()


def _agent_failed(iteration: RecipeIteration, decision: Decision) -> bool:
    """Whether the iteration counts as a failure of its agent: no answer, a recipe that may not be, or one not worth
    having. A valid new recipe that is merely behind is none, however often: its agent works."""
    if iteration.stage == "unanswered":
        return True
    quality = iteration.quality.value if iteration.quality else 0.0
    return decision.action == "escalate" and (bool(iteration.problems) or quality < decision.thresholds.escalate)
