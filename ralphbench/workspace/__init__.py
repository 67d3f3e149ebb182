"""Git: the target's mirror, a worktree for each attempt, and the harness's own repository that judges from.

`prepare_mirror` reads a target once; `Workspace` is one attempt's tree, with what was committed of it; `keep_base` and
`restore_record` keep and bring back what grading needs; `take` alone ever writes into a repository of the user's.
"""

from ralphbench.workspace.agents import clear_out, of_the_agent, tree_bytes
from ralphbench.workspace.archive import FINAL, check_base, forget, keep_base, restore_record
from ralphbench.workspace.git import Git, printable
from ralphbench.workspace.globs import Globs
from ralphbench.workspace.history import CappedDiff, Commit, FileChange
from ralphbench.workspace.layout import borrow, make_repo
from ralphbench.workspace.links import leaving
from ralphbench.workspace.mirror import Mirror, open_mirror, prepare_mirror
from ralphbench.workspace.place import STATE, refuse_inside
from ralphbench.workspace.scan import Skipped
from ralphbench.workspace.stage import apply_patches, open_stage
from ralphbench.workspace.survey import Survey, remove_tree, survey
from ralphbench.workspace.take import Taken, take
from ralphbench.workspace.vet import Entry, contents, entries, links_out
from ralphbench.workspace.worktree import Workspace

__all__ = [
    "FINAL",
    "STATE",
    "CappedDiff",
    "Commit",
    "Entry",
    "FileChange",
    "Git",
    "Globs",
    "Mirror",
    "Skipped",
    "Survey",
    "Taken",
    "Workspace",
    "apply_patches",
    "borrow",
    "check_base",
    "clear_out",
    "contents",
    "entries",
    "forget",
    "keep_base",
    "leaving",
    "links_out",
    "make_repo",
    "of_the_agent",
    "open_mirror",
    "open_stage",
    "prepare_mirror",
    "printable",
    "refuse_inside",
    "remove_tree",
    "restore_record",
    "survey",
    "take",
    "tree_bytes",
]
