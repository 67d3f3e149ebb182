"""Git: the target's mirror, a worktree for each attempt, and the harness's own repository that judges from.

`prepare_mirror` reads a target once; `Workspace` is one attempt's tree, with what was committed of it; `keep_base` and
`restore_record` keep and bring back what grading needs; `take` alone ever writes into a repository of the user's.
"""

from ralphbench.workspace.globs import Globs
from ralphbench.workspace.mirror import Mirror, open_mirror, prepare_mirror

__all__ = ["Globs", "Mirror", "open_mirror", "prepare_mirror"]
