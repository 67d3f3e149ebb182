"""What may stand in task.yaml."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from ralphbench.config.checked import Words
from ralphbench.config.fields import Count, Name, Seconds, Text, one_of
from ralphbench.model import Gate, GateKind

REPORTS = ("junit", "tap", "ctrf")
_DEFAULT_TIMEOUT = Gate("", GateKind.GOAL, "").timeout


def _inside(text: str) -> str:
    """A path that stays in the checkout."""
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"expected a path inside the checkout, found {text!r}")
    return text


def _revision(text: str) -> str:
    if text.startswith("-") or any(char.isspace() for char in text):
        raise ValueError(f"expected a tag, branch or commit, found {text!r}")
    return text


Inside = Annotated[str, AfterValidator(_inside)]


class ReportWords(Words):
    junit: Inside | None = None
    tap: Inside | None = None
    ctrf: Inside | None = None
    min_tests: Count = 1

    @model_validator(mode="after")
    def _one(self) -> ReportWords:
        if sum(getattr(self, name) is not None for name in REPORTS) != 1:
            raise ValueError(f"expected exactly one of {', '.join(REPORTS)} with the report's path")
        return self


class GateWords(Words):
    hints: ClassVar = {
        "command": ("a gate's command is called `run`", None),
        "cmd": ("a gate's command is called `run`", None),
    }

    id: Name
    kind: Annotated[str, one_of("goal", "guard")]
    run: Text
    timeout: Seconds = _DEFAULT_TIMEOUT
    phase: Name | None = None
    weight: Annotated[float, Field(gt=0)] = 1.0
    report: ReportWords | None = None


class TargetWords(Words):
    path: Text | None = None
    repo: Text | None = None
    base: Annotated[str, AfterValidator(_revision)] | None = None

    @model_validator(mode="after")
    def _one(self) -> TargetWords:
        if (self.path is None) == (self.repo is None):
            raise ValueError(
                "expected either path: <folder of the task>, or repo: <path or URL> with base: <tag or commit>"
            )
        if self.repo is not None and self.base is None:
            raise ValueError("repo needs base: <tag or commit>, so that every contender starts from the same tree")
        if self.path is not None and self.base is not None:
            raise ValueError("base belongs to repo; a path is taken as it is")
        return self


class TaskWords(Words):
    title: Text
    spec: Text = "spec.md"
    target: TargetWords
    suite: Name | None = None
    tags: list[Name] = Field(default_factory=list)
    languages: list[Name] = Field(default_factory=list)
    needs: list[Text] = Field(default_factory=list)
    protected: list[Text] = Field(default_factory=list)
    replaced: list[Text] = Field(default_factory=list)
    phases: list[Name] = Field(default_factory=list)
    gates: Annotated[list[GateWords], Field(min_length=1)]
