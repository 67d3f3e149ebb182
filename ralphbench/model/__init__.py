"""The words that every room speaks: frozen dataclasses and enums, no behaviour beyond reading themselves."""

from ralphbench.model.attempt import (
    RECORD_VERSION,
    AttemptResult,
    AttemptSpec,
    Spent,
    StageSums,
    Times,
    Work,
)
from ralphbench.model.call import NOTHING, Call, CallEnded, CallStarted, Timing, Usage
from ralphbench.model.event import Event, EventKind, Interval, Pause
from ralphbench.model.experiment import Cell, Experiment, Limits, PlanMode
from ralphbench.model.names import (
    Ending,
    EndingClass,
    GateKind,
    GateOutcome,
    IntervalKind,
    PlanModeKind,
    Stage,
    StageEnding,
)
from ralphbench.model.profile import GATEWAY_OPTIONS, EndpointSpec, ModelRef, Profile, Sampling, StageModel
from ralphbench.model.stage import AgentEvent, GatewayAddress, StageResult, StageRun
from ralphbench.model.task import Gate, Report, Target, Task
from ralphbench.model.ticket import Acceptance, Issue, Ticket, TicketState
from ralphbench.model.verdict import GateResult, Tampering, TestCounts, Verdict, judge

__all__ = [
    "GATEWAY_OPTIONS",
    "NOTHING",
    "RECORD_VERSION",
    "Acceptance",
    "AgentEvent",
    "AttemptResult",
    "AttemptSpec",
    "Call",
    "CallEnded",
    "CallStarted",
    "Cell",
    "Ending",
    "EndingClass",
    "EndpointSpec",
    "Event",
    "EventKind",
    "Experiment",
    "Gate",
    "GateKind",
    "GateOutcome",
    "GateResult",
    "GatewayAddress",
    "Interval",
    "IntervalKind",
    "Issue",
    "Limits",
    "ModelRef",
    "Pause",
    "PlanMode",
    "PlanModeKind",
    "Profile",
    "Report",
    "Sampling",
    "Spent",
    "Stage",
    "StageEnding",
    "StageModel",
    "StageResult",
    "StageRun",
    "StageSums",
    "Tampering",
    "Target",
    "Task",
    "TestCounts",
    "Ticket",
    "TicketState",
    "Times",
    "Timing",
    "Usage",
    "Verdict",
    "Work",
    "judge",
]
