"""Plan-build-verify: the state machine, its tickets, prompts and answers.

`Loop(ports, task, limits).run()` works one attempt to its end; `LoopPorts` is what it needs of the outside.
Public submodules, loaded by need: `ralphbench.loop.expect` (`met`: whether an acceptance is met).
"""

from ralphbench.loop.checkpoint import outcome_of, state_of
from ralphbench.loop.loop import DIFF_LIMIT, Loop
from ralphbench.loop.plan import SharedPlan, dump_plan, load_plan, plan_hash
from ralphbench.loop.ports import CheckResult, LoopPorts, LoopWorkspace
from ralphbench.loop.render import prompts_hash
from ralphbench.loop.state import LoopOutcome, LoopState, work_of

__all__ = [
    "DIFF_LIMIT",
    "CheckResult",
    "Loop",
    "LoopOutcome",
    "LoopPorts",
    "LoopState",
    "LoopWorkspace",
    "SharedPlan",
    "dump_plan",
    "load_plan",
    "outcome_of",
    "plan_hash",
    "prompts_hash",
    "state_of",
    "work_of",
]
