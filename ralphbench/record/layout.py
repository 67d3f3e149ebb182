"""Where everything of a record lies.

    results/<experiment>/
      lock.json              what was resolved: config, digests of tasks and prompts, versions, machine, identities
      owner.lock             the live process that runs the experiment; see `lock`
      journal.jsonl          what the scheduler decided, append-only
      bases/<commit>.pack    the base commit of a target with its tree, as a git pack, once for all attempts from it
      gates/<digest>/        what judges a task: its hidden files and reference patches, as they were when they were proven
      cells/<task>/<profile>/r<k>/a<n>/                 an attempt; a phase task `t/p` is the folder `t+p`
         trial.json          what the trial process was told
         manifest.json       identity of everything that took part
         events.jsonl        append-only; one write a line; fsync at stage ends
         calls.jsonl         two lines a model request: started, ended
         bodies/             what each call added: index.jsonl, segment-<k>.bin
         prompts/            the prompts as they were sent, stage by stage
         agent/              the agent's raw stream, stage by stage
         grading/            per gate: log, exit, tests
         plan.yaml           the tickets of its plan; shared-plan.yaml: the plan that it was given
         trial.log           what its processes said
         commits.bundle      the harness's own commits
         final.patch         base..final
         wip.patch           work that was cut off
         checksums.json      size and SHA-256 of all of these when the attempt was committed; written just before the result
         result.json         written last, by rename: the mark that this attempt is committed
      plans/<task>/<profile>/r<k>/a<n>/                 the same, of a shared plan's making
      derived/               what the analysis made of the results, to be faster; can be made again, goes with the next result

Beside any of them: `<name>.torn-<k>` (the end of a file, cut off by the writer that came next), `<name>.damaged-<k>` (a file
that could not be read, set aside). Both are only ever made, never removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ralphbench.record.disk import make_folder


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """The paths of one attempt. Making one of these touches nothing; `create` makes the folders."""

    path: Path

    def create(self) -> AttemptFolder:
        """Make the folder and those in it. Raises DiskError."""
        for folder in (self.path, self.agent, self.grading, self.prompts, self.bodies):
            make_folder(folder)
        return self

    @property
    def trial(self) -> Path:
        """A `model.AttemptSpec`."""
        return self.path / "trial.json"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def calls(self) -> Path:
        return self.path / "calls.jsonl"

    @property
    def bodies(self) -> Path:
        """A folder; see `BodyStore`."""
        return self.path / "bodies"

    @property
    def prompts(self) -> Path:
        """A folder: `<stage id>.md`."""
        return self.path / "prompts"

    @property
    def agent(self) -> Path:
        """A folder: `<stage id>.jsonl` and `.err`."""
        return self.path / "agent"

    @property
    def grading(self) -> Path:
        """A folder."""
        return self.path / "grading"

    @property
    def bundle(self) -> Path:
        return self.path / "commits.bundle"

    @property
    def patch(self) -> Path:
        return self.path / "final.patch"

    @property
    def wip_patch(self) -> Path:
        return self.path / "wip.patch"

    @property
    def plan(self) -> Path:
        """The tickets of its plan, for another attempt to be given."""
        return self.path / "plan.yaml"

    @property
    def shared_plan(self) -> Path:
        """The plan that it was given, as it was then."""
        return self.path / "shared-plan.yaml"

    @property
    def log(self) -> Path:
        """What the trial processes said."""
        return self.path / "trial.log"

    @property
    def checksums(self) -> Path:
        return self.path / "checksums.json"

    @property
    def result(self) -> Path:
        """A `model.AttemptResult`; the attempt is committed where it is there and can be read."""
        return self.path / "result.json"
