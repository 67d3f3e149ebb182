"""The small vocabularies: stages, kinds of gate, endings. Every word is one that the records store."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """What a model is asked to do. A profile maps each stage to a model and an agent."""

    PLAN = "plan"
    INVESTIGATE = "investigate"
    BUILD = "build"
    VERIFY = "verify"
    DECOMPOSE = "decompose"


class GateKind(StrEnum):
    """A `goal` fails at base and must pass at the end; a `guard` passes at base and must still pass."""

    GOAL = "goal"
    GUARD = "guard"


class EndingClass(StrEnum):
    """Who an ending is charged to."""

    FINISHED = "finished"
    LIMIT = "limit"
    CONTENDER = "contender"
    INFRASTRUCTURE = "infrastructure"


class Ending(StrEnum):
    """How an attempt ended; decided by the harness, never by a model. Exactly one an attempt."""

    COMPLETED = "completed"
    GAVE_UP = "gave_up"

    ITERATIONS = "iterations"
    WALL_TIME = "wall_time"
    FAILURES = "failures"
    TOKENS = "tokens"
    COST = "cost"
    CALLS = "calls"
    STALLED = "stalled"

    NO_PLAN = "no_plan"
    AGENT_CRASH = "agent_crash"

    ENDPOINT_DOWN = "endpoint_down"
    RATE_LIMITED = "rate_limited"
    PROVIDER_ERROR = "provider_error"
    MODEL_MISSING = "model_missing"
    WRONG_MODEL = "wrong_model"
    MODEL_LOAD = "model_load"
    OUT_OF_MEMORY = "out_of_memory"
    SANDBOX = "sandbox"
    DISK = "disk"
    HARNESS = "harness"
    INTERRUPTED = "interrupted"

    @property
    def kind(self) -> EndingClass:
        return _CLASS[self]

    @property
    def void(self) -> bool:
        """An infrastructure fault: neither a pass nor a fail; the cell is queued again."""
        return self.kind is EndingClass.INFRASTRUCTURE


_CLASS: dict[Ending, EndingClass] = {
    Ending.COMPLETED: EndingClass.FINISHED,
    Ending.GAVE_UP: EndingClass.FINISHED,
    **dict.fromkeys(
        (
            Ending.ITERATIONS,
            Ending.WALL_TIME,
            Ending.FAILURES,
            Ending.TOKENS,
            Ending.COST,
            Ending.CALLS,
            Ending.STALLED,
        ),
        EndingClass.LIMIT,
    ),
    Ending.NO_PLAN: EndingClass.CONTENDER,
    Ending.AGENT_CRASH: EndingClass.CONTENDER,
    **dict.fromkeys(
        (
            Ending.ENDPOINT_DOWN,
            Ending.RATE_LIMITED,
            Ending.PROVIDER_ERROR,
            Ending.MODEL_MISSING,
            Ending.WRONG_MODEL,
            Ending.MODEL_LOAD,
            Ending.OUT_OF_MEMORY,
            Ending.SANDBOX,
            Ending.DISK,
            Ending.HARNESS,
            Ending.INTERRUPTED,
        ),
        EndingClass.INFRASTRUCTURE,
    ),
}


class StageEnding(StrEnum):
    """How one stage ended. The last three groups end the attempt with the ending of the same name."""

    DONE = "done"
    BLOCKED = "blocked"
    NO_OUTPUT = "no_output"
    STAGE_TIMEOUT = "stage_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    CONTEXT = "context"
    AGENT_CRASH = "agent_crash"

    WALL_TIME = "wall_time"
    TOKENS = "tokens"
    COST = "cost"
    CALLS = "calls"

    ENDPOINT_DOWN = "endpoint_down"
    RATE_LIMITED = "rate_limited"
    PROVIDER_ERROR = "provider_error"
    MODEL_MISSING = "model_missing"
    WRONG_MODEL = "wrong_model"
    MODEL_LOAD = "model_load"
    OUT_OF_MEMORY = "out_of_memory"
    SANDBOX = "sandbox"
    DISK = "disk"
    HARNESS = "harness"
    INTERRUPTED = "interrupted"

    @property
    def limit(self) -> Ending | None:
        """The attempt's ending, where the stage was cut by a limit of the attempt."""
        ending = _SAME_NAME.get(self.value)
        return ending if ending is not None and ending.kind is EndingClass.LIMIT else None

    @property
    def fault(self) -> Ending | None:
        """The attempt's ending, where the stage was cut by an infrastructure fault."""
        ending = _SAME_NAME.get(self.value)
        return ending if ending is not None and ending.void else None


_SAME_NAME: dict[str, Ending] = {ending.value: ending for ending in Ending}


class GateOutcome(StrEnum):
    """`error`: timed out, not runnable, missing tool, no test ran. At base only `fail` discriminates."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"


class IntervalKind(StrEnum):
    """What a stretch of an attempt's time was spent on. Times are unions of intervals, never sums."""

    STAGE = "stage"
    MODEL = "model"
    TOOL = "tool"
    GATE = "gate"
    CHECK = "check"
    QUEUE = "queue"
    LOAD = "load"
    RETRY = "retry"
    SANDBOX = "sandbox"
    HARNESS = "harness"

    @property
    def paused(self) -> bool:
        """Time that is not the contender's own: its clock stands still."""
        return self in (IntervalKind.QUEUE, IntervalKind.LOAD, IntervalKind.RETRY)


class PlanModeKind(StrEnum):
    OWN = "own"
    SHARED_BY = "by"
    SHARED_FILE = "file"
    SHARED_FROM = "from"
