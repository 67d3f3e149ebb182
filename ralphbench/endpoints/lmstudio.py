"""LM Studio: which models are on disk, which are loaded, with how much context; and the exact command for what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ralphbench.endpoints.client import ServerRefused
from ralphbench.endpoints.openai import OpenAIEndpoint, read_entry
from ralphbench.endpoints.preflight import missing
from ralphbench.endpoints.protocol import ModelInfo, ServerInfo
from ralphbench.errors import ContextTooSmall, EndpointDown, ModelMissing
from ralphbench.model import StageModel

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
    spoken: ClassVar[tuple[str, ...]] = ("chat", "responses", "messages")
    start_hint = "lms server start"

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
        found = self._find(model)
        if found.info.loaded is False:
            raise self._not_loaded(model, found)
        self._check_instances(model, found)
        return super().preflight(model)

    def load(self, model: StageModel) -> float | None:
        """Load the model with the profile's context, unless an instance has it already; instances with less are
        unloaded first, since a second one takes memory of its own. Returns LM Studio's seconds; None: nothing to do.

        Raises EndpointDown, ModelMissing, ServerRefused (`kind` says why it could not be loaded).
        """
        found = self._find(model)
        wanted = model.context or SUGGESTED_CONTEXT
        if any(i.context is not None and i.context >= wanted for i in found.instances):
            return None
        for instance in found.instances:
            self.unload(instance.id)
        body = {"model": found.key, "context_length": wanted}
        answer = self.client().post("/api/v1/models/load", body, timeout=_LOAD_SECONDS)
        return float(answer["load_time_seconds"])

    def unload(self, instance: str) -> None:
        """Raises EndpointDown, ServerRefused."""
        self.client().post("/api/v1/models/unload", {"instance_id": instance}, timeout=60.0)

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
        return f"lms load {key} --context-length {wanted} --identifier {model.model.model} --gpu max -y"

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
            "and it would drop it again when another model is asked for",
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
        for path, read in (("/api/v1/models", _read_v1), ("/api/v0/models", _read_v0)):
            try:
                answer = client.get(path)
            except ServerRefused as error:
                if error.status in (404, 405, 501):
                    continue
                raise
            if isinstance(answer, dict) and (entries := answer.get("models", answer.get("data"))) is not None:
                return path, tuple(read(e) for e in entries if not str(e.get("type", "")).startswith("embedding"))
            # An LM Studio without the path answers 200 with an error's text.
        listed = client.get("/v1/models")
        if not isinstance(listed, dict) or "data" not in listed:
            raise EndpointDown(
                f"endpoint {self.spec.name!r}: {self.root} is no LM Studio: {str(listed)[:80]}", remedy=self.start_hint
            )
        return "/v1/models", tuple(_plain(e) for e in listed["data"])


def _reached(found: OnDisk, name: str) -> Instance | None:
    """The instance that a request for `name` reaches: the one of that name, else the smallest, to be safe."""
    for instance in found.instances:
        if instance.id == name:
            return instance
    return min(found.instances, key=lambda i: i.context or 0, default=None)


def _read_v1(entry: Mapping[str, Any]) -> OnDisk:
    instances = tuple(
        Instance(str(i["id"]), (i.get("config") or {}).get("context_length"))
        for i in entry.get("loaded_instances") or ()
    )
    can = entry.get("capabilities") or {}
    info = ModelInfo(
        id=str(entry["key"]),
        loaded=bool(instances),
        context=min((i.context for i in instances if i.context is not None), default=None),
        max_context=entry.get("max_context_length"),
        quantization=(entry.get("quantization") or {}).get("name"),
        size_bytes=entry.get("size_bytes"),
        tools=None,
        local=True,
        details=_texts(
            format=entry.get("format"),
            architecture=entry.get("architecture"),
            params=entry.get("params_string"),
            trained_for_tool_use=can.get("trained_for_tool_use"),
        ),
    )
    return OnDisk(info.id, instances, info)


def _read_v0(entry: Mapping[str, Any]) -> OnDisk:
    loaded = entry.get("state") == "loaded"
    context = entry.get("loaded_context_length") if loaded else None
    info = ModelInfo(
        id=str(entry["id"]),
        loaded=loaded,
        context=context,
        max_context=entry.get("max_context_length"),
        quantization=entry.get("quantization"),
        local=True,
        details=_texts(format=entry.get("compatibility_type"), architecture=entry.get("arch")),
    )
    return OnDisk(info.id, (Instance(info.id, context),) if loaded else (), info)


def _plain(entry: Mapping[str, Any]) -> OnDisk:
    """From `/v1/models`, which tells names alone: whether they are loaded depends on a setting (JIT)."""
    info = read_entry(entry, local=True)
    return OnDisk(info.id, (), info)


def _texts(**values: object) -> dict[str, str]:
    """Details as texts; what is not known is left out."""
    return {key: str(value) for key, value in values.items() if value is not None}
