"""Gates on a sealed checkout: what is judged, by what, and how it was proven that the gates can tell.

`grade` judges one commit; `prove_task` proves a task's gates by its base and its reference before anything is spent.
"""

from ralphbench.grading.check import BASE, REFERENCE, CheckEmit, check_task
from ralphbench.grading.counts import ReportError
from ralphbench.grading.gates import Emit
from ralphbench.grading.grade import grade
from ralphbench.grading.keep import check_gates, keep_gates, with_kept_gates
from ralphbench.grading.lint import lint
from ralphbench.grading.needs import require_tools
from ralphbench.grading.place import place_to_judge, remove_abandoned
from ralphbench.grading.proof import Proof, load_proof, proof_path, save_proof
from ralphbench.grading.prove import logs_of, prove_task
from ralphbench.grading.reports import read_report
from ralphbench.grading.seal import seal

__all__ = [
    "BASE",
    "REFERENCE",
    "CheckEmit",
    "Emit",
    "Proof",
    "ReportError",
    "check_gates",
    "check_task",
    "grade",
    "keep_gates",
    "lint",
    "load_proof",
    "logs_of",
    "place_to_judge",
    "proof_path",
    "prove_task",
    "read_report",
    "remove_abandoned",
    "require_tools",
    "save_proof",
    "seal",
    "with_kept_gates",
]
