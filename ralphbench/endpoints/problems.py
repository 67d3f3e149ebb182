"""Errors as real servers word them: what the scripted server answers where a fault strikes.

Words and shapes were taken down from the servers themselves; `faults` reads them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ralphbench.endpoints.asked import Asked
from ralphbench.endpoints.scripts import Fault, OverflowStyle, ScriptedModel
from ralphbench.model import codec

ASSUMED_WINDOW = 4096
"""Tokens that an overflow speaks of where the model has no end."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error before any stream. `error` is the value of the body's `error`: a text or a mapping, as that server has it."""

    status: int
    error: str | Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        return self.error if isinstance(self.error, str) else str(self.error["message"])

    @property
    def kind(self) -> str:
        return "server_error" if isinstance(self.error, str) else str(self.error.get("type", "server_error"))

    def body(self, dialect: str) -> bytes:
        """Anthropic's clients find the error one level down."""
        if dialect == "messages" and not isinstance(self.error, str):
            return codec.dumps({"type": "error", "error": self.error})
        return codec.dumps({"error": self.error})


def overflow(style: OverflowStyle, prompt: int, window: int | None) -> Problem:
    """A prompt of so many tokens does not fit, in the words of `style`."""
    window = window or min(ASSUMED_WINDOW, max(1, prompt - 1))
    larger = "Try to load the model with a larger context length, or provide a shorter input"
    match style:
        case "llamacpp":
            text = f"request ({prompt} tokens) exceeds the available context size ({window} tokens), try increasing it"
            counts = {"n_prompt_tokens": prompt, "n_ctx": window}
            return Problem(400, {"code": 400, "message": text, "type": "exceed_context_size_error", **counts})
        case "lmstudio":
            keep = f"Trying to keep the first {prompt} tokens when context the overflows. "
            only = f"However, the model is loaded with context length of only {window} tokens, which is not enough. "
            return Problem(400, keep + only + larger)
        case "lmstudio_n_keep":
            text = "The number of tokens to keep from the initial prompt is greater than the context length"
            return Problem(400, f"{text} (n_keep: {prompt}>= n_ctx: {window}). {larger}.")
        case "lmstudio_truncate":
            return Problem(400, f"Cannot truncate prompt with n_keep ({prompt}) >= n_ctx ({window})")
        case "mlx":
            return Problem(400, "Context size has been exceeded.")
        case "ollama":
            text = "the prompt is longer than the context length currently available to the model; "
            advice = (
                "shorten the prompt, adjust the context length in settings, or use a model with a longer context length"
            )
            return Problem(400, text + advice)
        case "vllm":
            text = f"This model's maximum context length is {window} tokens. However, your request has {prompt} input tokens. "
            advice = "Please reduce the length of the input messages."
            return Problem(
                400, {"message": text + advice, "type": "BadRequestError", "param": "input_tokens", "code": 400}
            )
        case "anthropic":
            text = f"prompt is too long: {prompt} tokens > {window} maximum"
            return Problem(400, {"type": "invalid_request_error", "message": text})
        case "openai":
            text = f"This model's maximum context length is {window} tokens. However, your messages resulted in {prompt} tokens. "
            error = {"message": text + "Please reduce the length of the messages.", "type": "invalid_request_error"}
            return Problem(400, {**error, "param": "messages", "code": "context_length_exceeded"})


def model_missing(name: str, known: str) -> Problem:
    text = f'Invalid model identifier "{name}". Please specify a valid downloaded model (e.g., {known}).'
    error = {"message": text, "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
    return Problem(404, error)


def nothing_loaded() -> Problem:
    text = "No models loaded. Please load a model in the developer page or use the 'lms load' command."
    return Problem(404, {"message": text, "type": "invalid_request_error", "param": "model", "code": "model_not_found"})


def from_fault(fault: Fault, asked: Asked, model: ScriptedModel) -> Problem | None:
    """What this fault answers instead of a turn; None: it is one that strikes in the stream."""
    problem = _make(fault, asked, model)
    if problem is None or fault.message is None:
        return problem
    error = fault.message if isinstance(problem.error, str) else {**problem.error, "message": fault.message}
    return Problem(problem.status, error, problem.headers)


def _make(fault: Fault, asked: Asked, model: ScriptedModel) -> Problem | None:
    wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    if fault.name == "overflow_400":
        problem = overflow(fault.style, asked.estimate, model.context)
        return Problem(fault.status or problem.status, problem.error)
    if fault.name == "model_missing":
        return model_missing(asked.model, model.id)
    if fault.name == "nothing_loaded":
        return nothing_loaded()
    if fault.name == "crash" and fault.at is not None:
        return None
    if fault.name not in _PLAIN:
        return None
    status, error = _PLAIN[fault.name]
    if fault.name == "overloaded" and asked.dialect == "messages":
        status, error = 529, {"type": "overloaded_error", "message": "Overloaded"}
    return Problem(fault.status or status, error, wait)


def crashed() -> str:
    return "The model has crashed without additional information. (Exit code: 18446744072635812000)"


_PLAIN: dict[str, tuple[int, str | dict[str, Any]]] = {
    "rate_limit": (
        429,
        {"message": "Rate limit reached for requests.", "type": "rate_limit_error", "code": "rate_limit_exceeded"},
    ),
    "quota": (
        429,
        {
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "type": "insufficient_quota",
            "code": "insufficient_quota",
        },
    ),
    "auth": (
        401,
        {"message": "Incorrect API key provided.", "type": "authentication_error", "code": "invalid_api_key"},
    ),
    "server_error": (
        500,
        {"message": "The server had an error while processing your request.", "type": "server_error"},
    ),
    "overloaded": (503, {"message": "The engine is currently overloaded.", "type": "overloaded_error"}),
    "loading": (503, {"code": 503, "message": "Loading model", "type": "unavailable_error"}),
    "load_failed": (500, 'Failed to load model "scripted". Error: Operation canceled.'),
    "out_of_memory": (
        400,
        "Model loading was stopped due to insufficient system resources. Under the current settings, "
        "this model requires approximately 48.20 GB of memory.",
    ),
    "crash": (400, crashed()),
    "http": (500, {"message": "as the script says", "type": "scripted"}),
}
