"""Judging what an attempt has come to: its final commit, and beside it the work that was cut off."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ralphbench.errors import NotJudged
from ralphbench.grading import grade, with_kept_gates
from ralphbench.loop import LoopOutcome
from ralphbench.model import AttemptSpec, EventKind, GateResult, Interval, IntervalKind, Task, Verdict, codec
from ralphbench.record import AttemptFolder, EventLog
from ralphbench.trial.outcome import Judged
from ralphbench.trial.stop import StopRequest
from ralphbench.workspace import Workspace

GRADE_TRIES = 2
"""A fault while grading grades again. One that stays voids nothing either: the attempt is left open, to be judged later."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Of one attempt."""

    spec: AttemptSpec
    folder: AttemptFolder
    log: EventLog
    stop: StopRequest

    def judge(self, workspace: Workspace, ended: LoopOutcome) -> Judged:
        """Raises NotJudged, Interrupted, DiskError."""
        base, final = workspace.base, ended.commit
        judged = Judged(base, final, None, None, workspace.numstat(base, final))
        if ended.ending.void or self.spec.mode != "full":
            return judged
        judged = replace(judged, verdict=self._grade(workspace, final, "final", ended.state.claims))
        if ended.wip is None:
            return judged
        workspace.patch(final, ended.wip, self.folder.wip_patch)
        return replace(judged, wip_verdict=self._grade(workspace, ended.wip, "wip", None))

    def _grade(self, workspace: Workspace, commit: str, what: str, claimed: Mapping[str, bool] | None) -> Verdict:
        for left in range(GRADE_TRIES - 1, -1, -1):
            self.log.append(EventKind.GRADING_STARTED, commit=commit, what=what)
            # Gates may run for minutes, and a grading that was cut off begins anew: a wish to stop ends it at once.
            with self.stop.breakable():
                verdict = grade(
                    gitdir=workspace.gitdir,
                    commit=commit,
                    base=workspace.base,
                    task=self._task(),
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

    def _task(self) -> Task:
        kept = self.spec.kept_gates
        return self.spec.task if kept is None else with_kept_gates(self.spec.task, kept)

    def _gate_ended(self, gate: GateResult, what: str) -> None:
        now = time.time()
        interval = Interval(IntervalKind.GATE, now - gate.seconds, now, gate.id)
        with self.stop.unbroken():
            self.log.append(EventKind.GATE_ENDED, what=what, **codec.builtins(gate))
            self.log.append(EventKind.INTERVAL, **codec.builtins(interval))
