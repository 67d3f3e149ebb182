"""Plan-build-verify: the state machine, its tickets, prompts and answers.

`Loop(ports, task, limits).run()` works one attempt to its end; `LoopPorts` is what it needs of the outside.
Public submodules, loaded by need: `ralphbench.loop.expect` (`met`: whether an acceptance is met).
"""

from ralphbench.loop.checkpoint import outcome_of, state_of
from ralphbench.loop.loop import Loop
from ralphbench.loop.plan import SharedPlan, dump_plan, load_plan, plan_hash
from ralphbench.loop.ports import CHECK_SECONDS, CheckResult, LoopPorts, LoopWorkspace
from ralphbench.loop.render import diff_limit, prompts_hash
from ralphbench.loop.state import LoopOutcome, LoopState, work_of

__all__ = [
    "CHECK_SECONDS",
    "CheckResult",
    "Loop",
    "LoopOutcome",
    "LoopPorts",
    "LoopState",
    "LoopWorkspace",
    "SharedPlan",
    "diff_limit",
    "dump_plan",
    "load_plan",
    "outcome_of",
    "plan_hash",
    "prompts_hash",
    "state_of",
    "work_of",
]
