"""LM Studio as far as ralphbench talks to it, answering from a script: for tests, ours and a user's.

To the letter of its documentation and of the faults that were reported of it: what is loaded is another thing than what
is on disk, a first request loads with 4096 tokens of context (JIT), loading twice makes a second instance `key:2`, the
`model` of a request is not looked at where one model is loaded, and an overflow may be a 200 with nothing in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from ralphbench.endpoints.asked import Asked
from ralphbench.endpoints.loopback import Handler, Served, refuse, reply
from ralphbench.endpoints.problems import Problem, model_missing, nothing_loaded
from ralphbench.endpoints.scripted_server import ScriptedServer
from ralphbench.endpoints.scripts import OverflowStyle, ScriptedModel
from ralphbench.model import codec

JIT_CONTEXT = 4096


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A model on disk."""

    key: str
    max_context: int = 131_072
    quantization: str = "Q4_K_M"
    size_bytes: int = 13_000_000_000
    tools: bool = True
    kind: Literal["llm", "embedding"] = "llm"
    load_seconds: float = 0.0
    fails: Literal["load", "memory"] | None = None
    """Every try to load it fails so."""


@dataclass(slots=True)
class Loaded:
    """An instance in memory."""

    id: str
    model: Downloaded
    context: int
    jit: bool = False


class FakeLMStudio(ScriptedServer):
    """`downloaded` are on disk, `loaded` in memory: key (or `key:2`) to context. `interface` is the newest that it has.

    The script's `models` say how fast they answer; a model that the script does not name is as fast as it goes.
    """

    def __init__(
        self,
        script: Path | Mapping[str, Any],
        downloaded: tuple[Downloaded, ...],
        *,
        loaded: Mapping[str, int] | None = None,
        jit: bool = True,
        overflow: Literal["400", "in_stream", "empty"] = "400",
        style: OverflowStyle = "lmstudio_n_keep",
        interface: Literal["v1", "v0", "openai"] = "v1",
        keep: int = 64,
    ) -> None:
        self.jit = jit
        self.interface = interface
        self._overflow = overflow
        self._style = style
        self.downloaded = {model.key: model for model in downloaded}
        self.loaded = [Loaded(name, self.downloaded[name.partition(":")[0]], n) for name, n in (loaded or {}).items()]
        self._loading = asyncio.Lock()
        super().__init__(script, keep=keep)

    def routes(self) -> dict[tuple[str, str], Handler]:
        table = super().routes()
        table["GET", "/v1/models"] = self._openai_models
        if self.interface in ("v0", "v1"):
            table["GET", "/api/v0/models"] = self._v0_models
            for key in self.downloaded:
                table["GET", f"/api/v0/models/{key}"] = self._v0_model
        if self.interface == "v1":
            table["GET", "/api/v1/models"] = self._v1_models
            table["POST", "/api/v1/models/load"] = self._load
            table["POST", "/api/v1/models/unload"] = self._unload
        return table

    def unknown_path(self, request: web.BaseRequest) -> web.StreamResponse:
        """LM Studio answers 200 here."""
        return reply({"error": f"Unexpected endpoint or method. ({request.method} {request.path})"})

    async def model_for(self, asked: Asked) -> ScriptedModel | Problem:
        found = next((i for i in self.loaded if i.id == asked.model), None)
        if found is None:
            found = next((i for i in self.loaded if i.model.key == asked.model), None)
        if found is None and asked.model in self.downloaded and self.jit:
            made = await self._bring_up(self.downloaded[asked.model], JIT_CONTEXT, jit=True)
            if isinstance(made, Problem):
                return made
            found = made
        if found is None and len(self.loaded) == 1:
            found = self.loaded[0]
        if found is None:
            return nothing_loaded() if not self.loaded and not self.jit else model_missing(asked.model, self._example())
        like = self.matcher.models.get(found.model.key, ScriptedModel(found.model.key))
        return replace(like, id=found.id, context=found.context, overflow=self._overflow, style=self._style)

    def _example(self) -> str:
        return next(iter(self.downloaded), "none")

    async def _bring_up(self, model: Downloaded, context: int, *, jit: bool = False) -> Loaded | Problem:
        async with self._loading:
            if jit:
                if (there := next((i for i in self.loaded if i.model is model), None)) is not None:
                    return there
                self.loaded = [i for i in self.loaded if not i.jit]  # auto-evict: one JIT model at a time
            await asyncio.sleep(model.load_seconds)
            if model.fails is not None:
                return _load_problem(model)
            taken = {i.id for i in self.loaded}
            names = [model.key, *(f"{model.key}:{n}" for n in range(2, len(taken) + 3))]
            made = Loaded(next(name for name in names if name not in taken), model, context, jit)
            self.loaded.append(made)
            return made

    async def _openai_models(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        names = list(self.downloaded) if self.jit else [i.id for i in self.loaded]
        data = [{"id": name, "object": "model", "owned_by": "organization_owner"} for name in names]
        return reply({"object": "list", "data": data})

    async def _v0_models(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        return reply({"object": "list", "data": [self._v0(m) for m in self.downloaded.values()]})

    async def _v0_model(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        return reply(self._v0(self.downloaded[request.path.removeprefix("/api/v0/models/")]))

    def _v0(self, model: Downloaded) -> dict[str, Any]:
        instance = next((i for i in self.loaded if i.model is model), None)
        entry: dict[str, Any] = {
            "id": model.key,
            "object": "model",
            "type": "embeddings" if model.kind == "embedding" else "llm",
            "publisher": model.key.partition("/")[0],
            "arch": "llama",
            "compatibility_type": "gguf",
            "quantization": model.quantization,
            "state": "not-loaded" if instance is None else "loaded",
            "max_context_length": model.max_context,
            "capabilities": ["tool_use"] if model.tools else [],
        }
        return entry if instance is None else {**entry, "loaded_context_length": instance.context}

    async def _v1_models(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        return reply({"models": [self._v1(m) for m in self.downloaded.values()]})

    def _v1(self, model: Downloaded) -> dict[str, Any]:
        return {
            "type": model.kind,
            "publisher": model.key.partition("/")[0],
            "key": model.key,
            "display_name": model.key.rpartition("/")[2],
            "architecture": "llama",
            "quantization": {"name": model.quantization, "bits_per_weight": 4},
            "size_bytes": model.size_bytes,
            "params_string": None,
            "loaded_instances": [
                {"id": i.id, "config": {"context_length": i.context, "eval_batch_size": 512, "parallel": 4}}
                for i in self.loaded
                if i.model is model
            ],
            "max_context_length": model.max_context,
            "format": "gguf",
            "capabilities": {"vision": False, "trained_for_tool_use": model.tools},
            "description": None,
        }

    async def _load(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        asked = codec.loads_any(served.body)
        model = self.downloaded.get(asked.get("model"))
        if model is None:
            return refuse(Problem(404, _v1_error("model_not_found", f"Model '{asked.get('model')}' not found")))
        made = await self._bring_up(model, asked.get("context_length") or JIT_CONTEXT)
        if isinstance(made, Problem):
            return refuse(made)
        answer = {"type": "llm", "instance_id": made.id, "load_time_seconds": model.load_seconds, "status": "loaded"}
        if asked.get("echo_load_config"):
            answer["load_config"] = {"context_length": made.context, "eval_batch_size": 512}
        return reply(answer)

    async def _unload(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        name = codec.loads_any(served.body).get("instance_id")
        if all(i.id != name for i in self.loaded):
            return refuse(Problem(404, _v1_error("model_not_found", f"No instance '{name}' is loaded")))
        self.loaded = [i for i in self.loaded if i.id != name]
        return reply({"instance_id": name})


def _v1_error(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "message": message}


def _load_problem(model: Downloaded) -> Problem:
    if model.fails == "memory":
        needs = round(model.size_bytes / 1e9 * 1.2, 2)
        text = (
            "Model loading was stopped due to insufficient system resources. Under the current settings, "
            f"this model requires approximately {needs} GB of memory."
        )
        return Problem(500, _v1_error("model_load_failed", text))
    return Problem(
        500, _v1_error("model_load_failed", f'Failed to load model "{model.key}". Error: Operation canceled.')
    )
