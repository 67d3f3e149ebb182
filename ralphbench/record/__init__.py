"""Attempts on disk: what happened, call by call and event by event, and the reader of all of it.

Readers take a `Quarantine`, which collects what was found torn as `Damage`; without one it goes to the log
`ralphbench.record`. Writers raise DiskError where the disk is full or not writable; then nothing half-written is left.
"""

from ralphbench.record.bodies import BodyStore
from ralphbench.record.calls import CallLog, follow_calls, read_calls
from ralphbench.record.check import check_attempt, check_top
from ralphbench.record.checksums import require_whole
from ralphbench.record.counting import that_counts
from ralphbench.record.damage import Damage, Quarantine, and_earlier, report, set_aside, set_aside_in
from ralphbench.record.derived import sweep_derived
from ralphbench.record.disk import (
    atomic_file,
    atomic_write,
    disk_error,
    disk_errors,
    make_folder,
    require_writable,
    sync_folder,
)
from ralphbench.record.events import EventLog, Journal, follow, read_events
from ralphbench.record.experiment import ExperimentFolder, Summary
from ralphbench.record.flock import try_flock, wait_flock
from ralphbench.record.intervals import union_seconds
from ralphbench.record.layout import AttemptFolder
from ralphbench.record.lines import follow_lines
from ralphbench.record.listing import Listing, Repeats
from ralphbench.record.lock import Lock
from ralphbench.record.many import Read, read_many
from ralphbench.record.owner import Owner
from ralphbench.record.results import (
    read_manifest,
    read_object,
    read_result,
    read_spec,
    write_manifest,
    write_result,
    write_spec,
)
from ralphbench.record.room import Room, free_room, refuse_full, require_room, size_text, taken_by
from ralphbench.record.runs import LastingRun, lasting_runs
from ralphbench.record.sums import charge, spent, stage_sums, times, used
from ralphbench.record.timeline import interval_of
from ralphbench.record.whole import read_or_set_aside

__all__ = [
    "AttemptFolder",
    "BodyStore",
    "CallLog",
    "Damage",
    "EventLog",
    "ExperimentFolder",
    "Journal",
    "LastingRun",
    "Listing",
    "Lock",
    "Owner",
    "Quarantine",
    "Read",
    "Repeats",
    "Room",
    "Summary",
    "and_earlier",
    "atomic_file",
    "atomic_write",
    "charge",
    "check_attempt",
    "check_top",
    "disk_error",
    "disk_errors",
    "follow",
    "follow_calls",
    "follow_lines",
    "free_room",
    "interval_of",
    "lasting_runs",
    "make_folder",
    "read_calls",
    "read_events",
    "read_manifest",
    "read_many",
    "read_object",
    "read_or_set_aside",
    "read_result",
    "read_spec",
    "refuse_full",
    "report",
    "require_room",
    "require_whole",
    "require_writable",
    "set_aside",
    "set_aside_in",
    "size_text",
    "spent",
    "stage_sums",
    "sweep_derived",
    "sync_folder",
    "taken_by",
    "that_counts",
    "times",
    "try_flock",
    "union_seconds",
    "used",
    "wait_flock",
    "write_manifest",
    "write_result",
    "write_spec",
]
