"""LM Studio: which models are on disk, which are loaded, with how much context; and the exact command for what is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import msgspec

from ralphbench.endpoints.client import Client, ServerRefused
from ralphbench.endpoints.openai import Listed, OpenAIEndpoint, read_entry
from ralphbench.endpoints.preflight import check_context, missing
from ralphbench.endpoints.protocol import ModelInfo, ServerInfo
from ralphbench.errors import ConfigError, ContextTooSmall, EndpointDown, EndpointError, ModelMissing
from ralphbench.model import EndpointSpec, StageModel

T = TypeVar("T")

DEFAULT_CONTEXT = 4096
"""What LM Studio loads with where nobody says otherwise; less than the first prompt of a coding agent."""

SUGGESTED_CONTEXT = 65_536
"""Named in the remedy where the profile states none."""

_LOAD_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Instance:
    """A model in memory. Requests reach it by `id`."""

    id: str
    context: int | None


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A downloaded model with its instances."""

    key: str
    instances: tuple[Instance, ...]
    info: ModelInfo

    def answers_to(self, name: str) -> bool:
        return name == self.key or any(i.id == name for i in self.instances)


class LMStudioEndpoint(OpenAIEndpoint):
    """Speaks `/v1` to answer, and `/api/v1/models` (before 0.4: `/api/v0/models`) to tell what is loaded."""

    kind = "lmstudio"
    default_url = "http://127.0.0.1:1234/v1"
    default_key = None
    always_local = True
    spoken: ClassVar[tuple[str, ...]] = ("chat", "responses", "messages")
    start_hint = "lms server start"
    own_options: ClassVar[Mapping[str, type]] = {"load": bool}

    def __init__(self, spec: EndpointSpec) -> None:
        super().__init__(spec)
        if spec.slots > 1 and self.options.get("load", False):
            raise ConfigError(
                f"expected 1 with `options: {{load: true}}`, found {spec.slots}: loading one model puts out the other, also "
                "while it answers",
                key=f"endpoints.{spec.name}.slots",
            )

    def server(self) -> ServerInfo:
        interface, disk = self._disk()
        loaded = [f"{i.id} ({i.context or 'unknown'})" for d in disk for i in d.instances]
        details = {"base_url": self.base_url, "interface": interface, "loaded": ", ".join(loaded) or "nothing"}
        return ServerInfo(kind=self.kind, details=details)

    def models(self) -> tuple[ModelInfo, ...]:
        return tuple(d.info for d in self._disk()[1])

    def identify(self, model: StageModel) -> ModelInfo:
        """By key or by the identifier that it was loaded under; with several instances the one that a request reaches."""
        found = self._find(model)
        instance = _reached(found, model.model.model)
        if instance is None:
            return found.info
        several = {"instances": ", ".join(i.id for i in found.instances)} if len(found.instances) > 1 else {}
        details = {**found.info.details, "instance": instance.id, **several}
        return replace(found.info, context=instance.context, details=details)

    def preflight(self, model: StageModel) -> ModelInfo:
        """With `options: {load: true}` the model is loaded first, as `prepare` does before each stage."""
        self._load_alone(model)
        self._check_loaded(model)
        return super().preflight(model)

    def prepare(self, model: StageModel) -> float | None:
        """With `options: {load: true}`: have this model in memory and no other. Without it nothing is loaded. Either way
        it is looked at again before each stage: LM Studio drops a model that was idle, and brings it back with the
        first request, with a context that nobody asked for. Returns seconds; None: nothing to do.

        Raises EndpointDown, ModelMissing, ContextTooSmall, EndpointError (it cannot be loaded, and why).
        """
        if self.options.get("load", False):
            seconds = self._load_alone(model)
            self._check_loaded(model)
            return seconds
        # A server that is not there just now is the gateway's to wait for.
        with contextlib.suppress(EndpointDown):
            self._check_loaded(model)
        return None

    def _check_loaded(self, model: StageModel) -> None:
        found = self._find(model)
        if found.info.loaded is False:
            raise self._not_loaded(model, found)
        self._check_instances(model, found)
        info = self.identify(model)
        check_context(self.spec, model, info, remedy=self.remedy_context(model, info))

    def _load_alone(self, model: StageModel) -> float | None:
        if not self.options.get("load", False):
            return None
        found = self._find(model)
        for other in self._disk()[1]:
            for instance in other.instances if other.key != found.key else ():
                self.unload(instance.id)
        return self.load(model)

    def load(self, model: StageModel) -> float | None:
        """Load the model with the profile's context, unless an instance has it already; instances with less are
        unloaded first, since a second one takes memory of its own. Returns LM Studio's seconds; None: nothing to do.

        Raises EndpointDown, ModelMissing, ContextTooSmall, EndpointError (it cannot be loaded, and why).
        """
        found = self._find(model)
        wanted = model.context or min(SUGGESTED_CONTEXT, found.info.max_context or SUGGESTED_CONTEXT)
        if any(i.context is not None and i.context >= wanted for i in found.instances):
            return None
        most = replace(found.info, context=None)
        check_context(self.spec, model, most, remedy=f"state `context: {most.max_context}` or less in profiles.yaml")
        for instance in found.instances:
            self.unload(instance.id)
        body = {"model": found.key, "context_length": wanted}
        try:
            answer = self.client().post("/api/v1/models/load", body, _LoadAnswer, timeout=_LOAD_SECONDS)
        except ServerRefused as error:
            raise EndpointError(
                f"endpoint {self.spec.name!r}: {found.key!r} cannot be loaded with {wanted:,} tokens of context "
                f"({error.kind}): {error.text}",
                remedy=f"lower `context` in profiles.yaml, or see what it needs: {self.load_command(model, found.key)} "
                "--estimate-only",
            ) from error
        return answer.load_time_seconds

    def unload(self, instance: str) -> None:
        """Raises EndpointDown, ServerRefused."""
        self.client().post("/api/v1/models/unload", {"instance_id": instance}, dict, timeout=60.0)

    def remedy_context(self, model: StageModel, info: ModelInfo) -> str:
        instance = info.details.get("instance")
        command = self.load_command(model, info.id)
        return command if instance is None else f"lms unload {instance} && {command}"

    def remedy_variant(self, model: StageModel, info: ModelInfo) -> str:
        return (
            f"select {model.variant} of {info.id} in LM Studio's model list, then {self.load_command(model, info.id)}"
        )

    def remedy_tools(self, model: StageModel) -> str:
        return (
            "choose a model that LM Studio lists as trained for tool use (`lms ls --json --llm`, `trainedForToolUse`), "
            "or update its runtime: `lms runtime update`"
        )

    def remedy_wrong(self, model: StageModel, served: str | None) -> str:
        return f"lms unload --all && {self.load_command(model, model.model.model)}"

    def load_command(self, model: StageModel, key: str) -> str:
        """What to type so that the model is there as the profile states it."""
        wanted = model.context or SUGGESTED_CONTEXT
        return f"lms load {key} --context-length {wanted} --identifier {model.model.model} --gpu max -y --exact"

    def _find(self, model: StageModel) -> OnDisk:
        interface, disk = self._disk()
        asked = model.model.model
        if (found := next((d for d in disk if d.answers_to(asked)), None)) is not None:
            return found
        if not disk and interface == "/v1/models":
            raise ModelMissing(
                f"endpoint {self.spec.name!r}: no model is loaded, and this LM Studio does not tell what is on disk",
                remedy=self.load_command(model, asked),
            )
        get = f"lms get {asked} -y && {self.load_command(model, asked)}"
        raise missing(self.spec, asked, tuple(d.key for d in disk), remedy=get)

    def _not_loaded(self, model: StageModel, found: OnDisk) -> ModelMissing:
        wanted = "" if model.context is None else f", less than the {model.context:,} that the profile states"
        return ModelMissing(
            f"endpoint {self.spec.name!r}: {found.key!r} is on disk but not loaded. LM Studio would load it with the "
            f"first request (JIT), with its default context, {DEFAULT_CONTEXT:,} tokens unless it was set{wanted}; "
            "and it would drop it again when another model is asked for. With `options: {load: true}` in "
            f"endpoints.yaml, {self.spec.name} loads each model itself when its turn comes, and unloads the others",
            remedy=self.load_command(model, found.key),
        )

    def _check_instances(self, model: StageModel, found: OnDisk) -> None:
        """With several instances and none of the name asked for, LM Studio chooses: each must have the context."""
        named = any(i.id == model.model.model for i in found.instances)
        small = [i for i in found.instances if model.context and i.context is not None and i.context < model.context]
        if named or len(found.instances) < 2 or not small:
            return
        listed = ", ".join(f"{i.id} ({i.context or 'unknown'})" for i in found.instances)
        raise ContextTooSmall(
            f"endpoint {self.spec.name!r}: {found.key!r} is loaded {len(found.instances)} times ({listed}), none of them "
            f"as {model.model.model!r}; which one answers is not known, and the profile states {model.context:,}",
            remedy="; ".join([*(f"lms unload {i.id}" for i in found.instances), self.load_command(model, found.key)]),
        )

    def _disk(self) -> tuple[str, tuple[OnDisk, ...]]:
        """(the interface that answered, language models on disk). The newest interface that this server has."""
        client = self.client()
        with contextlib.suppress(_NoSuchPath):
            v1 = self._newer(client, "/api/v1/models", _V1List).models
            if v1 is not None:
                return "/api/v1/models", tuple(_read_v1(e) for e in v1 if e.type != "embedding")
        with contextlib.suppress(_NoSuchPath):
            v0 = self._newer(client, "/api/v0/models", _V0List).data
            if v0 is not None:
                return "/api/v0/models", tuple(_read_v0(e) for e in v0 if e.type != "embeddings")
        # Names alone: whether they are loaded depends on a setting (JIT).
        plain = (read_entry(e, local=True) for e in client.get("/v1/models", Listed).data)
        return "/v1/models", tuple(OnDisk(info.id, (), info) for info in plain)

    @staticmethod
    def _newer(client: Client, path: str, kind: type[T]) -> T:
        """An LM Studio without the path says 404, or 200 with the text of an error, which leaves the list None."""
        try:
            return client.get(path, kind)
        except ServerRefused as error:
            if error.status in (404, 405, 501):
                raise _NoSuchPath from error
            raise


class _NoSuchPath(Exception):
    """The server is older than this interface."""


class _Config(msgspec.Struct):
    context_length: int | None = None


class _V1Instance(msgspec.Struct):
    id: str
    config: _Config | None = None


class _Quantization(msgspec.Struct):
    name: str | None = None


class _Capabilities(msgspec.Struct):
    trained_for_tool_use: bool | None = None


class _V1Model(msgspec.Struct):
    key: str
    type: str | None = None
    loaded_instances: list[_V1Instance] = []
    max_context_length: int | None = None
    quantization: _Quantization | None = None
    size_bytes: int | None = None
    format: str | None = None
    architecture: str | None = None
    params_string: str | None = None
    capabilities: _Capabilities | None = None


class _V1List(msgspec.Struct):
    models: list[_V1Model] | None = None


class _V0Model(msgspec.Struct):
    id: str
    type: str | None = None
    state: str | None = None
    loaded_context_length: int | None = None
    max_context_length: int | None = None
    quantization: str | None = None
    compatibility_type: str | None = None
    arch: str | None = None


class _V0List(msgspec.Struct):
    data: list[_V0Model] | None = None


class _LoadAnswer(msgspec.Struct):
    load_time_seconds: float


def _reached(found: OnDisk, name: str) -> Instance | None:
    """The instance that a request for `name` reaches: the one of that name, else the smallest, to be safe."""
    for instance in found.instances:
        if instance.id == name:
            return instance
    return min(found.instances, key=lambda i: i.context or 0, default=None)


def _read_v1(entry: _V1Model) -> OnDisk:
    instances = tuple(Instance(i.id, i.config.context_length if i.config else None) for i in entry.loaded_instances)
    info = ModelInfo(
        id=entry.key,
        loaded=bool(instances),
        context=min((i.context for i in instances if i.context is not None), default=None),
        max_context=entry.max_context_length,
        quantization=entry.quantization.name if entry.quantization else None,
        size_bytes=entry.size_bytes,
        local=True,
        details=_texts(
            format=entry.format,
            architecture=entry.architecture,
            params=entry.params_string,
            trained_for_tool_use=entry.capabilities.trained_for_tool_use if entry.capabilities else None,
        ),
    )
    return OnDisk(info.id, instances, info)


def _read_v0(entry: _V0Model) -> OnDisk:
    loaded = entry.state == "loaded"
    context = entry.loaded_context_length if loaded else None
    info = ModelInfo(
        id=entry.id,
        loaded=loaded,
        context=context,
        max_context=entry.max_context_length,
        quantization=entry.quantization,
        local=True,
        details=_texts(format=entry.compatibility_type, architecture=entry.arch),
    )
    return OnDisk(info.id, (Instance(info.id, context),) if loaded else (), info)


def _texts(**values: object) -> dict[str, str]:
    """Details as texts; what is not known is left out."""
    return {key: str(value) for key, value in values.items() if value is not None}
