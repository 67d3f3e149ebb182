"""One attempt from start to end: workspace, loop, grading, record. What was cut off goes on where it was."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ralphbench.agents import Agent, load_agent
from ralphbench.errors import (
    DiskError,
    Interrupted,
    NotJudged,
    RalphbenchError,
    RecordError,
    SandboxError,
    WorkspaceError,
)
from ralphbench.gateway import GatewayClient
from ralphbench.loop import Loop, LoopOutcome, LoopState, SharedPlan, diff_limit, load_plan, outcome_of, state_of
from ralphbench.model import (
    AttemptResult,
    AttemptSpec,
    Ending,
    EventKind,
    Interval,
    IntervalKind,
    Stage,
    codec,
)
from ralphbench.record import AttemptFolder, EventLog, read_spec, write_result
from ralphbench.sandbox import Sandbox, SandboxSpec, open_sandbox
from ralphbench.trial.clock import Clock
from ralphbench.trial.doing import own_doing, own_wreck
from ralphbench.trial.history import History, read_history
from ralphbench.trial.judging import Judge
from ralphbench.trial.keeping import keep_work
from ralphbench.trial.leases import LeaseClient
from ralphbench.trial.outcome import Judged, build_result, last_stage, nothing_done, stage_begun
from ralphbench.trial.ports import PlanMade, TrialPorts, anchor, project_rules
from ralphbench.trial.replayed import stages_not_run
from ralphbench.trial.stages import StageRunner, agent_key
from ralphbench.trial.stop import StopRequest
from ralphbench.workspace import Workspace, open_mirror, remove_tree


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
    loop: Loop | None = None
    isolated: bool = False
    seconds: float = field(init=False)
    """The contender's clock when it stood still: what comes after the loop is not its time."""

    def __post_init__(self) -> None:
        self.seconds = self.history.spent.seconds

    def run(self) -> AttemptResult:
        self.stop.raise_if_asked()
        self._say_hello()
        for damage in self.log.damages:
            self.log.append(EventKind.WARNING, text=str(damage))
        workspace = None
        try:
            workspace = self._workspace()
            ended = self._ended(workspace)
        except SandboxError as error:
            if self.history.loop_ended is not None:
                raise NotJudged(f"grading could not begin: {error}") from error
            return self._give_up(Ending.SANDBOX, error)
        except (DiskError, WorkspaceError, OSError) as error:  # an OSError: what a stage needs is gone from under it
            if (crashed := self._own_doing(workspace, error)) is None:
                raise
            workspace, ended = crashed
        return self._conclude(workspace, ended)

    def _ended(self, workspace: Workspace) -> LoopOutcome:
        spec = SandboxSpec(
            worktree=workspace.worktree,
            home=workspace.home,
            marker=self.spec.mark,
            gateway=self.spec.gateway_socket.parent,
            read_only=tuple(path for agent in self._agents().values() for path in agent.read_only()),
        )
        with open_sandbox(self.spec.sandbox, spec) as sandbox:
            self.isolated = sandbox.isolated
            try:
                return self._loop(workspace, sandbox)
            finally:
                self.seconds = self._clock_now()

    def _own_doing(
        self, workspace: Workspace | None, error: DiskError | WorkspaceError | OSError
    ) -> tuple[Workspace, LoopOutcome] | None:
        """The loop's end where the contender itself has brought about what the harness could not get over, and where its
        commit is: in the base, in a new workspace, where it has left nothing that could be read.
        """
        stage = last_stage(self.folder)
        if self.history.loop_ended is not None or (workspace is None and stage is None):
            return None
        if isinstance(error, OSError):
            error = WorkspaceError(str(error))
        state = self._state()
        if workspace is None:
            why = own_wreck(error, self.spec.workspace, self.spec.mirror, self._branch)
        else:
            why = own_doing(error, workspace, state.commit, self.spec.mirror)
        if why is None:
            return None
        settled = self._settled(workspace, state)
        if settled is None:
            return None
        workspace, state = settled
        outcome = LoopOutcome(Ending.AGENT_CRASH, stage, None, why, commit=state.commit, wip=None, state=state)
        self.log.append(EventKind.LOOP_ENDED, **codec.builtins(outcome))
        self.log.sync()
        return workspace, outcome

    def _settled(self, workspace: Workspace | None, state: LoopState) -> tuple[Workspace, LoopState] | None:
        """A workspace whose last accepted work can be read, and what that is: a new one at the base, if it must be. None:
        nobody has worked since it was opened, and what is torn may be a power cut's doing.
        """
        if workspace is not None:
            with contextlib.suppress(WorkspaceError):
                workspace.settle(state.commit)
                self._keep(workspace, state.commit)
                return workspace, state
            if not stage_begun(self.folder):
                return None
        self.log.append(
            EventKind.WARNING,
            text="the harness's own repository of this attempt is wrecked: what is judged is the base",
        )
        remove_tree(self.spec.workspace)
        anew = Workspace.create(self.spec.workspace, open_mirror(self.spec.mirror), self._branch)
        return anew, replace(state, commit=anew.base, tree=anew.tree_of(anew.base))

    def _state(self) -> LoopState:
        """Of the loop where it was, else as an earlier process left it."""
        reached: LoopState | None = getattr(self.loop, "state", None)  # not there before the loop has begun
        if reached is not None:
            return reached
        if self.history.state is not None:
            return state_of(self.history.state)
        return LoopState(commit=self.spec.base, tree="")

    def _clock_now(self) -> float:
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
        branch = self._branch
        with self._interval(IntervalKind.HARNESS, "workspace"):
            workspace = Workspace.create(spec.workspace, open_mirror(spec.mirror), branch)
        self.log.append(EventKind.WORKSPACE_READY, base=workspace.base, tree=workspace.tree(), branch=branch)
        self.log.sync()
        return workspace

    @property
    def _branch(self) -> str:
        """Of the agent's own repository."""
        return f"exp/{self.spec.experiment}/{self.spec.cell.path.as_posix()}/a{self.spec.number}"

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
        loop = self.loop = Loop(
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

    def _conclude(self, workspace: Workspace, ended: LoopOutcome) -> AttemptResult:
        """Keep the commits, judge them, write the result. Raises NotJudged: all but the last two is done then."""
        if ended.ending is Ending.INTERRUPTED:
            raise Interrupted(ended.detail)
        with self._interval(IntervalKind.HARNESS, "commits"):
            self._keep(workspace, ended.commit)
        judged = Judge(self.spec, self.folder, self.log, self.stop).judge(workspace, ended)
        return self._commit(ended, judged)

    def _keep(self, workspace: Workspace, commit: str) -> None:
        workspace.bundle(self.folder.bundle)
        workspace.patch(workspace.base, commit, self.folder.patch)

    def _give_up(self, ending: Ending, error: RalphbenchError) -> AttemptResult:
        """An infrastructure fault outside any stage. What an earlier process had committed stays in the record."""
        keep_work(self.spec.workspace, self.folder)
        self.log.append(EventKind.FAULT, ending=ending, detail=str(error))
        ended = nothing_done(ending, self.spec.base, str(error))
        return self._commit(ended, Judged(self.spec.base, None, None, None))

    def _commit(self, ended: LoopOutcome, judged: Judged) -> AttemptResult:
        self.log.append(EventKind.ATTEMPT_ENDED, ending=ended.ending)
        self.log.sync()
        result = build_result(self.spec, self.folder, ended, judged, isolated=self.isolated, seconds=self.seconds)
        write_result(self.folder, result)
        return result

    @contextlib.contextmanager
    def _interval(self, what: IntervalKind, label: str) -> Iterator[None]:
        began = time.time()
        yield
        self.log.append(EventKind.INTERVAL, **codec.builtins(Interval(what, began, time.time(), label)))
