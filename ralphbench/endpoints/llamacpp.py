"""llama.cpp's `llama-server`: one model that answers to any name, or a router over a folder of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar
from urllib.parse import quote, urlsplit

import msgspec

from ralphbench.endpoints.client import ServerRefused
from ralphbench.endpoints.faults import MODEL_LOAD
from ralphbench.endpoints.names import same_model
from ralphbench.endpoints.openai import Entry, Listed, OpenAIEndpoint, read_entry
from ralphbench.endpoints.protocol import ModelInfo, ServerInfo
from ralphbench.errors import EndpointDown, ModelMissing, WrongModel
from ralphbench.model import StageModel


class LlamaCppEndpoint(OpenAIEndpoint):
    """The server does not look at a request's model name: what it serves is compared with what the profile names."""

    kind = "llamacpp"
    default_url = "http://127.0.0.1:8080/v1"
    default_key = None
    always_local = True
    spoken: ClassVar[tuple[str, ...]] = ("chat", "responses", "messages")
    start_hint = "llama-server -m <model.gguf> -c <context> --alias <name> --port 8080 --jinja"

    def server(self) -> ServerInfo:
        props = self._props(None)
        details = {"base_url": self.base_url}
        for key in ("model_path", "model_alias", "total_slots"):
            if (value := getattr(props, key)) is not None:
                details[key] = str(value)
        return ServerInfo(kind=self.kind, version=props.build_info, details=details)

    def models(self) -> tuple[ModelInfo, ...]:
        return tuple(info for info, _ in self._entries())

    def identify(self, model: StageModel) -> ModelInfo:
        """Raises WrongModel where the one model that is served has another name."""
        entries = self._entries()
        asked = model.model.model
        router = any(entry.status is not None for _, entry in entries)
        names = tuple(info.id for info, _ in entries)
        found = next((pair for pair in entries if any(same_model(asked, n) for n in _names(pair))), None)
        if found is None and (router or not entries):
            return super().identify(model)  # raises ModelMissing
        if found is None:
            raise WrongModel(
                f"endpoint {self.spec.name!r} serves {', '.join(names)}, the profile names {asked!r}; "
                "llama-server would answer to any name",
                remedy=self.remedy_wrong(model, names[0]),
            )
        info, _ = found
        if router and info.loaded is False:
            raise ModelMissing(
                f"endpoint {self.spec.name!r}: the router knows {info.id!r} but has not loaded it",
                remedy=f'curl -X POST {self.root}/models/load -d \'{{"model": "{info.id}"}}\'',
            )
        return self._loaded(info, info.id if router else None)

    def remedy_context(self, model: StageModel, info: ModelInfo) -> str:
        path = info.details.get("model_path", "<model.gguf>")
        slots = int(info.details.get("slots", "1"))
        wanted = (model.context or 0) * slots
        shared = f"   # its {slots} slots share -c" if slots > 1 else ""
        return f"{self._start(path, wanted, model.model.model)}{shared}"

    def remedy_tools(self, model: StageModel) -> str:
        return "start llama-server with --jinja and a model whose chat template knows tools"

    def remedy_wrong(self, model: StageModel, served: str | None) -> str:
        return f"start it with `--alias {model.model.model}`, or name `{self.spec.name}/{served}` in profiles.yaml"

    def _start(self, path: str, context: int, alias: str) -> str:
        port = urlsplit(self.base_url).port or 8080
        return f"llama-server -m {path} -c {context} --alias {alias} --port {port} --jinja"

    def _entries(self) -> list[tuple[ModelInfo, Entry]]:
        try:
            listed = self.client().get("/v1/models", Listed)
        except ServerRefused as error:
            raise self._while_loading(error) from error
        found = []
        for entry in listed.data:
            info = read_entry(entry, local=True)
            if entry.status is not None:
                info = replace(info, loaded=entry.status.value == "loaded")
            found.append((info, entry))
        return found

    def _loaded(self, info: ModelInfo, router_name: str | None) -> ModelInfo:
        """With the context that one request can have: a slot's, not the whole server's."""
        props = self._props(router_name)
        slots = [slot.n_ctx for slot in self._slots(router_name) if slot.n_ctx]
        general = props.default_generation_settings.n_ctx if props.default_generation_settings else None
        details = {"slots": str(props.total_slots or len(slots) or 1)}
        for key in ("model_path", "build_info", "model_ftype"):
            if value := getattr(props, key):
                details[key] = value
        return replace(
            info,
            loaded=True,
            context=min(slots, default=None) or general or info.context,
            quantization=_quantization(props.model_ftype) if props.model_ftype else None,
            tools=props.chat_template_caps.supports_tool_calls if props.chat_template_caps else None,
            details={**info.details, **details},
        )

    def _props(self, name: str | None) -> _Props:
        try:
            return self.client().get("/props" + _query(name), _Props)
        except ServerRefused as error:
            if error.status == 503:
                raise self._while_loading(error) from error
            return _Props()  # switched off: what it would say is unknown

    def _slots(self, name: str | None) -> list[_Slot]:
        try:
            return self.client().get("/slots" + _query(name), list[_Slot])
        except ServerRefused:
            return []  # `--no-slots`

    def _while_loading(self, error: ServerRefused) -> EndpointDown | ServerRefused:
        if error.kind != MODEL_LOAD:
            return error
        return EndpointDown(
            f"endpoint {self.spec.name!r}: llama-server at {self.root} is still loading its model",
            remedy=f"wait until `curl -s {self.root}/health` says ok, then the same command again",
        )


class _Settings(msgspec.Struct):
    n_ctx: int | None = None


class _Caps(msgspec.Struct):
    supports_tool_calls: bool | None = None


class _Props(msgspec.Struct):
    default_generation_settings: _Settings | None = None
    total_slots: int | None = None
    model_alias: str | None = None
    model_ftype: str | None = None
    model_path: str | None = None
    chat_template_caps: _Caps | None = None
    build_info: str | None = None


class _Slot(msgspec.Struct):
    n_ctx: int | None = None


def _quantization(ftype: str) -> str:
    """`Q4_K - Medium` as everybody else writes it: `Q4_K_M`."""
    name = re.sub(r"^(?:all|mostly) ", "", ftype.removesuffix(" (guessed)").strip(), flags=re.IGNORECASE)
    return re.sub(r" - (\w)\w*$", lambda found: f"_{found[1].upper()}", name)


def _names(pair: tuple[ModelInfo, Entry]) -> tuple[str, ...]:
    info, entry = pair
    return (info.id, *entry.aliases)


def _query(name: str | None) -> str:
    return "" if name is None else f"?model={quote(name)}&autoload=false"
