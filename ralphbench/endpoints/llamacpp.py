"""llama.cpp's `llama-server`: one model that answers to any name, or a router over a folder of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from ralphbench.endpoints.client import ServerRefused
from ralphbench.endpoints.faults import MODEL_LOAD
from ralphbench.endpoints.names import same_model
from ralphbench.endpoints.openai import OpenAIEndpoint, read_entry
from ralphbench.endpoints.protocol import ModelInfo, ServerInfo
from ralphbench.errors import EndpointDown, ModelMissing, WrongModel
from ralphbench.model import StageModel


class LlamaCppEndpoint(OpenAIEndpoint):
    """The server does not look at a request's model name: what it serves is compared with what the profile names."""

    kind = "llamacpp"
    default_url = "http://127.0.0.1:8080/v1"
    default_key = None
    spoken: ClassVar[tuple[str, ...]] = ("chat", "responses", "messages")
    start_hint = "llama-server -m <model.gguf> -c <context> --alias <name> --port 8080 --jinja"

    def server(self) -> ServerInfo:
        props = self._props(None)
        details = {"base_url": self.base_url}
        for key in ("model_path", "model_alias", "total_slots"):
            if props.get(key) is not None:
                details[key] = str(props[key])
        version = props.get("build_info")
        return ServerInfo(kind=self.kind, version=None if version is None else str(version), details=details)

    def models(self) -> tuple[ModelInfo, ...]:
        return tuple(info for info, _ in self._entries())

    def identify(self, model: StageModel) -> ModelInfo:
        """Raises WrongModel where the one model that is served has another name."""
        entries = self._entries()
        asked = model.model.model
        router = any("status" in entry for _, entry in entries)
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
        shared = f" (its {slots} slots share -c)" if slots > 1 else ""
        return f"{self._start(path, wanted, model.model.model)}{shared}"

    def remedy_tools(self, model: StageModel) -> str:
        return "start llama-server with --jinja and a model whose chat template knows tools"

    def remedy_wrong(self, model: StageModel, served: str | None) -> str:
        return f"start it with `--alias {model.model.model}`, or name `{self.spec.name}/{served}` in profiles.yaml"

    def _start(self, path: str, context: int, alias: str) -> str:
        port = urlsplit(self.base_url).port or 8080
        return f"llama-server -m {path} -c {context} --alias {alias} --port {port} --jinja"

    def _entries(self) -> list[tuple[ModelInfo, Mapping[str, Any]]]:
        try:
            listed = self.client().get("/v1/models")
        except ServerRefused as error:
            raise self._while_loading(error) from error
        found = []
        for entry in listed.get("data") or ():
            info = read_entry(entry, local=True)
            if "status" in entry:
                info = replace(info, loaded=(entry["status"] or {}).get("value") == "loaded")
            found.append((info, entry))
        return found

    def _loaded(self, info: ModelInfo, router_name: str | None) -> ModelInfo:
        """With the context that one request can have: a slot's, not the whole server's."""
        props = self._props(router_name)
        slots = self._slots(router_name)
        general = (props.get("default_generation_settings") or {}).get("n_ctx")
        context = min((s for s in slots if s), default=None) or general or info.context
        caps = props.get("chat_template_caps") or {}
        details = {"slots": str(props.get("total_slots") or len(slots) or 1)}
        for key in ("model_path", "build_info", "model_ftype"):
            if props.get(key):
                details[key] = str(props[key])
        ftype = props.get("model_ftype")
        return replace(
            info,
            loaded=True,
            context=context,
            quantization=_quantization(str(ftype)) if ftype else None,
            tools=caps.get("supports_tool_calls"),
            details={**info.details, **details},
        )

    def _props(self, name: str | None) -> Mapping[str, Any]:
        try:
            props = self.client().get("/props" + _query(name))
        except ServerRefused as error:
            if error.status == 503:
                raise self._while_loading(error) from error
            return {}  # switched off, or wants a model's name: what it says is then unknown
        return props if isinstance(props, dict) else {}

    def _slots(self, name: str | None) -> list[int | None]:
        try:
            slots = self.client().get("/slots" + _query(name))
        except ServerRefused:
            return []  # `--no-slots`
        return [slot.get("n_ctx") for slot in slots] if isinstance(slots, list) else []

    def _while_loading(self, error: ServerRefused) -> EndpointDown | ServerRefused:
        if error.kind != MODEL_LOAD:
            return error
        return EndpointDown(
            f"endpoint {self.spec.name!r}: llama-server at {self.root} is still loading its model",
            remedy=f"wait until `curl -s {self.root}/health` says ok, then the same command again",
        )


def _quantization(ftype: str) -> str:
    """`Q4_K - Medium` as everybody else writes it: `Q4_K_M`."""
    name = re.sub(r"^(?:all|mostly) ", "", ftype.removesuffix(" (guessed)").strip(), flags=re.IGNORECASE)
    return re.sub(r" - (\w)\w*$", lambda found: f"_{found[1].upper()}", name)


def _names(pair: tuple[ModelInfo, Mapping[str, Any]]) -> tuple[str, ...]:
    info, entry = pair
    return (info.id, *(str(alias) for alias in entry.get("aliases") or ()))


def _query(name: str | None) -> str:
    return "" if name is None else f"?model={quote(name)}&autoload=false"
