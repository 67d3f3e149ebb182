"""One attempt from start to end: workspace, loop, grading, record. What was cut off goes on where it was."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ralphbench.agents import Agent, load_agent
from ralphbench.errors import DiskError, Interrupted, NotJudged, RalphbenchError, RecordError, SandboxError
from ralphbench.gateway import GatewayClient
from ralphbench.grading import grade, with_kept_gates
from ralphbench.loop import Loop, LoopOutcome, LoopState, SharedPlan, diff_limit, load_plan, outcome_of, state_of
from ralphbench.model import (
    AttemptResult,
    AttemptSpec,
    Ending,
    EventKind,
    GateResult,
    Interval,
    IntervalKind,
    Stage,
    Task,
    Verdict,
    codec,
)
from ralphbench.record import AttemptFolder, EventLog, read_spec, write_result
from ralphbench.sandbox import Sandbox, SandboxSpec, open_sandbox
from ralphbench.trial.clock import Clock
from ralphbench.trial.history import History, read_history
from ralphbench.trial.leases import LeaseClient
from ralphbench.trial.outcome import Judged, build_result, nothing_done
from ralphbench.trial.ports import PlanMade, TrialPorts, anchor, project_rules
from ralphbench.trial.replayed import stages_not_run
from ralphbench.trial.stages import StageRunner, agent_key
from ralphbench.trial.stop import StopRequest
from ralphbench.workspace import Workspace, open_mirror

GRADE_TRIES = 2
"""A fault while grading grades again. One that stays voids nothing either: the attempt is left open, to be judged later."""


def run_attempt(path: Path, stop: StopRequest) -> AttemptResult:
    """Bring the attempt in this folder to its end and commit its result.

    Raises Interrupted or GatewayLost where it was cut off: its result is then still to come, from another process.
    """
    folder = AttemptFolder(path).create()
    spec = read_spec(folder)
    if spec is None:
        raise RecordError(f"{folder.trial} is missing: nobody has said what this attempt is")
    history = read_history(folder)
    log = EventLog(folder)
    try:
        return _Attempt(spec, folder, history, log, stop).run()
    finally:
        log.sync()
        log.close()


@dataclass(slots=True)
class _Attempt:
    spec: AttemptSpec
    folder: AttemptFolder
    history: History
    log: EventLog
    stop: StopRequest
    clock: Clock | None = None
    """None: the loop is not at work, or was over before this process began."""

    def run(self) -> AttemptResult:
        self.stop.raise_if_asked()
        self._say_hello()
        for damage in self.log.damages:
            self.log.append(EventKind.WARNING, text=str(damage))
        try:
            workspace = self._workspace()
            sandbox_spec = SandboxSpec(
                worktree=workspace.worktree,
                home=workspace.home,
                marker=self.spec.mark,
                gateway=self.spec.gateway_socket.parent,
                read_only=tuple(path for agent in self._agents().values() for path in agent.read_only()),
            )
            with open_sandbox(self.spec.sandbox, sandbox_spec) as sandbox:
                ended = self._loop(workspace, sandbox)
                isolated, seconds = sandbox.isolated, self._seconds()
            return self._conclude(workspace, ended, isolated=isolated, seconds=seconds)
        except (DiskError, SandboxError) as error:
            ending = Ending.DISK if isinstance(error, DiskError) else Ending.SANDBOX
            return self._give_up(ending, error)

    def _seconds(self) -> float:
        """The contender's clock."""
        return self.history.spent.seconds if self.clock is None else self.clock.now()

    def _say_hello(self) -> None:
        process = self.history.processes + 1
        if not self.history.resumes:
            self.log.append(EventKind.ATTEMPT_STARTED, process=process, identity=self.spec.identity)
            return
        state = self.history.state
        self.log.append(
            EventKind.ATTEMPT_RESUMED,
            process=process,
            iteration=None if state is None else state.get("iteration"),
            spent=codec.builtins(self.history.spent),
        )

    def _workspace(self) -> Workspace:
        """A new one, or the one that an earlier process left. The loop puts it back to its last boundary."""
        spec = self.spec
        if self.history.workspace_ready:
            return Workspace.open(spec.workspace)
        if spec.workspace.exists():
            shutil.rmtree(spec.workspace)  # half made by a process that was killed
        branch = f"exp/{spec.experiment}/{spec.cell.path.as_posix()}/a{spec.number}"
        with self._interval(IntervalKind.HARNESS, "workspace"):
            workspace = Workspace.create(spec.workspace, open_mirror(spec.mirror), branch)
        self.log.append(EventKind.WORKSPACE_READY, base=workspace.base, tree=workspace.tree(), branch=branch)
        self.log.sync()
        return workspace

    def _agents(self) -> dict[tuple[str, str], Agent]:
        models = self.spec.profile.stages.values()
        return {agent_key(m): load_agent(m.agent, m.agent_options, self.spec.agents) for m in models}

    def _loop(self, workspace: Workspace, sandbox: Sandbox) -> LoopOutcome:
        if self.history.loop_ended is not None:
            return outcome_of(self.history.loop_ended)
        with contextlib.ExitStack() as opened:
            gateway = opened.enter_context(contextlib.closing(GatewayClient(self.spec.gateway)))
            leases = opened.enter_context(contextlib.closing(LeaseClient(self.spec.leases)))
            self.clock = Clock(self.history.spent.seconds)
            stages = StageRunner(
                spec=self.spec,
                folder=self.folder,
                log=self.log,
                clock=self.clock,
                gateway=gateway,
                leases=leases,
                sandbox=sandbox,
                agents=self._agents(),
                stop=self.stop,
                worktree=workspace.worktree,
                home=workspace.home,
                anchor=lambda: anchor(workspace),
                spent=self.history.spent,
                next_call=self.history.next_call,
                counts=self.history.stage_counts,
            )
            ports = TrialPorts(workspace, stages, sandbox, self.log, self.spec.mode == "plan")
            outcome = self._work(workspace, ports)
        if not outcome.ending.void:
            for text in stages_not_run(self.spec, self.folder):
                self.log.append(EventKind.WARNING, text=text)
        return outcome

    def _work(self, workspace: Workspace, ports: TrialPorts) -> LoopOutcome:
        loop = Loop(
            ports,
            self.spec.task,
            self.spec.limits,
            plan=self._shared_plan(),
            rules=project_rules(workspace),
            diff_limit=diff_limit(self.spec.profile.stages[Stage.VERIFY].context),
        )
        state = self.history.state
        if state is not None and self.spec.mode == "plan":
            return self._planned(state_of(state), workspace)  # made, and cut off before that was said
        try:
            return loop.run(None if state is None else state_of(state))
        except PlanMade as made:
            return self._planned(made.state, workspace)

    def _planned(self, state: LoopState, workspace: Workspace) -> LoopOutcome:
        """The plan was all that was asked for."""
        detail = f"a plan of {len(state.tickets)} tickets"
        outcome = LoopOutcome(Ending.COMPLETED, Stage.PLAN, None, detail, commit=workspace.base, wip=None, state=state)
        self.log.append(EventKind.LOOP_ENDED, **codec.builtins(outcome))
        return outcome

    def _shared_plan(self) -> SharedPlan | None:
        if self.spec.plan_file is None:
            return None
        tickets = load_plan(self.spec.plan_file)
        by = self.spec.plan.source or str(self.spec.plan_file)
        return SharedPlan(tickets, by)

    def _conclude(self, workspace: Workspace, ended: LoopOutcome, *, isolated: bool, seconds: float) -> AttemptResult:
        """Keep the commits, judge them, write the result. Raises NotJudged: all but the last two is done then."""
        if ended.ending is Ending.INTERRUPTED:
            raise Interrupted(ended.detail)
        with self._interval(IntervalKind.HARNESS, "commits"):
            workspace.bundle(self.folder.bundle)
            workspace.patch(workspace.base, workspace.head, self.folder.patch)
        return self._commit(ended, self._judge(workspace, ended), isolated=isolated, seconds=seconds)

    def _judge(self, workspace: Workspace, ended: LoopOutcome) -> Judged:
        base, head = workspace.base, workspace.head
        judged = Judged(base, head, None, None, workspace.numstat(base, head))
        if ended.ending.void or self.spec.mode != "full":
            return judged
        judged = replace(judged, verdict=self._grade(workspace, head, "final", ended.state.claims))
        if ended.wip is None:
            return judged
        workspace.patch(head, ended.wip, self.folder.wip_patch)
        return replace(judged, wip_verdict=self._grade(workspace, ended.wip, "wip", None))

    def _grade(self, workspace: Workspace, commit: str, what: str, claimed: Any) -> Verdict:
        """Raises NotJudged."""
        for left in range(GRADE_TRIES - 1, -1, -1):
            self.log.append(EventKind.GRADING_STARTED, commit=commit, what=what)
            # Gates may run for minutes, and a grading that was cut off begins anew: a wish to stop ends it at once.
            with self.stop.breakable():
                verdict = grade(
                    gitdir=workspace.gitdir,
                    commit=commit,
                    base=workspace.base,
                    task=self._task_with_gates(),
                    sandbox_kind=self.spec.sandbox,
                    out=self.folder.grading / what,
                    scratch=self.spec.grading or self.spec.workspace / "grading",
                    emit=lambda gate: self._gate_ended(gate, what),
                    claimed=claimed,
                )
            if verdict.error is None:
                break
            again = " and is done again" if left else ""
            self.log.append(EventKind.WARNING, text=f"grading failed{again}: {verdict.error}")
        else:
            self.log.sync()
            raise NotJudged(f"grading failed {GRADE_TRIES} times: {verdict.error}")
        self.log.append(
            EventKind.GRADING_ENDED, commit=commit, what=what, resolved=verdict.resolved, score=verdict.score
        )
        self.log.sync()
        return verdict

    def _task_with_gates(self) -> Task:
        kept = self.spec.kept_gates
        return self.spec.task if kept is None else with_kept_gates(self.spec.task, kept)

    def _gate_ended(self, gate: GateResult, what: str) -> None:
        now = time.time()
        interval = Interval(IntervalKind.GATE, now - gate.seconds, now, gate.id)
        with self.stop.unbroken():
            self.log.append(EventKind.GATE_ENDED, what=what, **codec.builtins(gate))
            self.log.append(EventKind.INTERVAL, **codec.builtins(interval))

    def _give_up(self, ending: Ending, error: RalphbenchError) -> AttemptResult:
        """An infrastructure fault outside any stage."""
        self.log.append(EventKind.FAULT, ending=ending, detail=str(error))
        ended = nothing_done(ending, self.spec.base, str(error))
        judged = Judged(self.spec.base, None, None, None)
        return self._commit(ended, judged, isolated=False, seconds=self._seconds())

    def _commit(self, ended: LoopOutcome, judged: Judged, *, isolated: bool, seconds: float) -> AttemptResult:
        self.log.append(EventKind.ATTEMPT_ENDED, ending=ended.ending)
        self.log.sync()
        result = build_result(self.spec, self.folder, ended, judged, isolated=isolated, seconds=seconds)
        write_result(self.folder, result)
        return result

    @contextlib.contextmanager
    def _interval(self, what: IntervalKind, label: str) -> Iterator[None]:
        began = time.time()
        yield
        self.log.append(EventKind.INTERVAL, **codec.builtins(Interval(what, began, time.time(), label)))
