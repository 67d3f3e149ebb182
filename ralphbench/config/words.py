"""What may stand in experiment.yaml, profiles.yaml and endpoints.yaml. The shape alone: meaning is added elsewhere."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ralphbench.config.checked import Words
from ralphbench.config.fields import (
    Count,
    EnvironmentName,
    ModelName,
    Money,
    Name,
    Ratio,
    Seconds,
    Text,
    TokenCap,
    Tokens,
    one_of,
)
from ralphbench.config.problems import describe, did_you_mean
from ralphbench.model import Limits, Stage

STAGES = tuple(stage.value for stage in Stage)
RESERVED = {"base": "the pseudo-profile without an agent", "reference": "the pseudo-profile of the task's own solution"}
_D = Limits()


class LimitsWords(Words):
    iterations: Count = _D.iterations
    wall_time: Seconds = _D.wall_time
    failures: Count = _D.failures
    stage_timeout: Seconds = _D.stage_timeout
    idle_timeout: Seconds = _D.idle_timeout
    tokens: TokenCap | None = None
    cost: Money | None = None
    calls: Count | None = None
    context: Ratio | None = None


_LIMIT_HINT = (
    "a profile chooses models, agents and sampling; limits are the experiment's, so that the race is the same for all",
    "move it to `limits:` of experiment.yaml; or say `unequal_limits: true` there and write `limits: {...}` in the profile",
)


GATEWAYS = ("model", "messages", "input", "prompt", "stream", "stream_options", "tools", "tool_choice")
OUTPUTS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


class SamplingWords(Words):
    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None
    reasoning_effort: Text | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @field_validator("extra")
    @classmethod
    def _extra_only(cls, extra: dict[str, Any]) -> dict[str, Any]:
        """Nothing that would make a request another one, and nothing that is said elsewhere."""
        for key in extra:
            if key in GATEWAYS:
                raise ValueError(f"{key!r} is the agent's and the gateway's to say, not sampling")
            if key in OUTPUTS:
                raise ValueError(f"{key!r} is said by `output` of the profile or stage")
            if key in cls.model_fields:
                raise ValueError(f"{key!r} has a key of its own in `sampling`")
        return extra


class ModelWords(Words):
    """What is true of a model wherever it is used: a value of `models:` in profiles.yaml."""

    context: Tokens | None = None
    output: Tokens | None = None
    variant: Text | None = None
    sampling: SamplingWords = Field(default_factory=SamplingWords)


class StageWords(ModelWords):
    hints: ClassVar = dict.fromkeys(LimitsWords.model_fields.keys() - {"context"}, _LIMIT_HINT)

    agent: Name | None = None
    model: ModelName | None = None
    agent_options: dict[str, Any] = Field(default_factory=dict)


def _model_alone(value: object) -> object:
    """`build: lmstudio/x` is `build: {model: lmstudio/x}`."""
    return {"model": value} if isinstance(value, str) else value


def _nothing_is_empty(value: object) -> object:
    return {} if value is None else value


class ProfileWords(StageWords):
    title: Text | None = None
    extends: Name | None = None
    stages: dict[str, Annotated[StageWords, BeforeValidator(_model_alone)]] = Field(default_factory=dict)
    limits: LimitsWords | None = None

    @field_validator("stages", mode="before")
    @classmethod
    def _stages_known(cls, value: object) -> object:
        for stage in value if isinstance(value, dict) else ():
            if stage not in STAGES:
                raise ValueError(
                    f"there is no stage {stage!r}{did_you_mean(stage, STAGES)} (stages: {', '.join(STAGES)})"
                )
        return value


class DefaultsWords(StageWords):
    """`defaults:` of profiles.yaml: what a profile says nothing about."""


class PriceWords(Words):
    """USD per million tokens."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]
    cache_read: Annotated[float, Field(ge=0)] | None = None
    cache_write: Annotated[float, Field(ge=0)] | None = None


_KEY_HINT = (
    "keys are never written into a file; name the environment variable that holds it",
    "api_key_env: NAME_OF_THE_VARIABLE",
)


class EndpointWords(Words):
    hints: ClassVar = dict.fromkeys(("api_key", "key", "token", "secret", "password", "apiKey"), _KEY_HINT)

    kind: Name | None = None
    base_url: Text | None = None
    api_key_env: EnvironmentName | None = None
    auth: Annotated[str, one_of("key", "passthrough", "none")] = "key"
    slots: Count = 1
    local: bool | None = None
    script: Text | None = None
    price: PriceWords | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class SharedPlanWords(Words):
    by: Name | None = None
    file: Text | None = None
    from_: Name | None = Field(default=None, alias="from")

    @model_validator(mode="after")
    def _one(self) -> SharedPlanWords:
        if len(self.model_fields_set) != 1 or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError("expected exactly one of by: <profile>, file: <path> and from: <experiment>")
        return self


PLAN_FORMS = "{mode: own} or {shared: {by: <profile>}}, {shared: {file: <path>}}, {shared: {from: <experiment>}}"


def _plan(value: object) -> object:
    """`own` and `{mode: own}` are `{}`; `{mode: shared, shared: {...}}` and `{mode: {shared: {...}}}` are `{shared: {...}}`."""
    if value == "own":
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"expected {PLAN_FORMS}, found {describe(value)}")
    mode, rest = value.get("mode"), {key: part for key, part in value.items() if key != "mode"}
    if "mode" not in value or (mode == "shared" and "shared" in rest):
        return rest
    if isinstance(mode, dict) and not rest:
        return mode
    if mode == "own" and not rest:
        return {}
    raise ValueError(f"expected {PLAN_FORMS}, found mode {describe(mode)}")


class PlanWords(Words):
    """Own where `shared` is None."""

    shared: SharedPlanWords | None = None


class ExperimentWords(Words):
    question: Text
    why: Text | None = None
    tasks: Annotated[list[Text], Field(min_length=1)]
    profiles: Annotated[dict[Name, Annotated[ProfileWords, BeforeValidator(_nothing_is_empty)]], Field(min_length=1)]
    baseline: Name | None = None
    repeats: Count = 1
    plan: Annotated[PlanWords, BeforeValidator(_plan)] = Field(default_factory=PlanWords)
    limits: LimitsWords = Field(default_factory=LimitsWords)
    sandbox: Name = "auto"
    void_retries: Annotated[int, Field(ge=0)] = 2
    unequal_limits: bool = False
    seed: int = 0
    order: Annotated[str, one_of("shuffled", "written")] = "shuffled"
    defaults: DefaultsWords = Field(default_factory=DefaultsWords)
    models: dict[ModelName, ModelWords] = Field(default_factory=dict)
    endpoints: dict[Name, EndpointWords] = Field(default_factory=dict)
    agents: dict[Name, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("profiles", mode="before")
    @classmethod
    def _list_or_map(cls, value: object) -> object:
        """`[a, b]` takes the shared profiles as they are; a map lays something over them or adds new ones."""
        if not isinstance(value, list):
            return value
        for n, name in enumerate(value):
            if not isinstance(name, str):
                raise ValueError(f"expected names, or a map of names to profiles; found {describe(name)}")
            if name in value[:n]:
                raise ValueError(f"names {name!r} twice; for more attempts of each, say repeats")
        return dict.fromkeys(value)
