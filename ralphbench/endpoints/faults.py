"""What an error of a model server means, whoever words it.

Statuses alone do not tell: LM Studio says overflow, crash and a missing model all with 400. The texts are those that the
servers were seen to send; the order of the rules matters where one text fits several.
"""

from __future__ import annotations

import re
from typing import Any

from ralphbench.model import codec

OVERFLOW = "overflow"
RATE_LIMITED = "rate_limited"
QUOTA = "quota"
MODEL_MISSING = "model_missing"
NOTHING_LOADED = "nothing_loaded"
MODEL_LOAD = "model_load"
OUT_OF_MEMORY = "out_of_memory"
CRASHED = "crashed"
AUTH = "auth"
ENDPOINT_DOWN = "endpoint_down"
PROVIDER_ERROR = "provider_error"
BAD_REQUEST = "bad_request"

KINDS = (
    OVERFLOW,
    RATE_LIMITED,
    QUOTA,
    MODEL_MISSING,
    NOTHING_LOADED,
    MODEL_LOAD,
    OUT_OF_MEMORY,
    CRASHED,
    AUTH,
    ENDPOINT_DOWN,
    PROVIDER_ERROR,
    BAD_REQUEST,
)

_TEXTS: tuple[tuple[str, str], ...] = (
    (
        OVERFLOW,
        # LM Studio, three generations of it, and its MLX engine
        r"context the overflows|context length is only|context length of only \d+"
        r"|greater than the context length|n_keep[^\n]*n_ctx|context size has been exceeded"
        # llama.cpp, Ollama
        r"|exceed_context_size|exceeds? the available context size|longer than the context length"
        r"|input is too large to process"
        # OpenAI, vLLM, OpenRouter and what speaks like them
        r"|context[_ ]length[_ ]exceeded|maximum context length is \d+|exceeds (?:the )?(?:model'?s )?maximum context length"
        r"|exceeds the context window|context window exceeds limit|reduce the length of the (?:input )?messages"
        r"|input length[^\n]*exceeds[^\n]*context length|maximum prompt length is \d+|decoder prompt[^\n]*is longer than"
        # Anthropic, Google, Bedrock
        r"|prompt is too long|request_too_large|input token count[^\n]*exceeds the maximum"
        r"|input is too long for requested model|exceed context limit"
        # SGLang, TGI, Mistral, z.ai, Moonshot
        r"|longer than the model'?s context length|inputs`? tokens \+ `?max_new_tokens`? must be"
        r"|too large for model with \d+ maximum context|prompt exceeds max length|exceeded model token limit"
        r"|too many tokens|token limit exceeded",
    ),
    # llama.cpp says 500 where the model wrote a tool call that it cannot read: the model's own doing, not the server's.
    (
        BAD_REQUEST,
        r"model produced output that does not match the expected|failed to parse tool call|failed to parse input at pos",
    ),
    (
        OUT_OF_MEMORY,
        r"insufficient system resources|out of memory|outofmemory|\boom\b|cudamalloc failed"
        r"|failed to allocate|unable to allocate|requires more system memory|not enough (?:gpu |system |video )?memory"
        r"|insufficient memory",
    ),
    (
        CRASHED,
        r"model has crashed|model process (?:has )?(?:crashed|terminated)|runner (?:process )?has terminated"
        r"|runner has unexpectedly stopped|runner process no longer running",
    ),
    (NOTHING_LOADED, r"no models? (?:is |are )?(?:currently )?loaded|model is unloaded|model unloaded"),
    (
        MODEL_LOAD,
        r"failed to load (?:the )?model|error loading model|model_load_failed|loading model|model is (?:still )?loading"
        r"|unable to load model|model failed to load|timed out waiting for (?:llama )?(?:runner|server) to start",
    ),
    (
        MODEL_MISSING,
        r"invalid model identifier|model_not_found|model:? [`'\"]?[\w./:@-]+[`'\"]? (?:is |was )?(?:not found|does ?n[o']t exist)"
        r"|not a valid model(?: id)?|no such model|unknown model|model[^\n]*not_found_error|no endpoints found"
        r"|model name is missing",
    ),
    (
        QUOTA,
        r"insufficient_quota|exceeded your current quota|credit balance is too low|insufficient[_ ](?:credits|balance|funds)"
        r"|billing (?:hard )?limit|out of credits|requires more credits|payment required|usage limit (?:has been )?reached"
        r"|spend(?:ing)? limit",
    ),
    (
        AUTH,
        r"invalid[_ ]api[_ ]key|incorrect api key|invalid x-api-key|invalid (?:authentication|bearer)|no auth credentials"
        r"|authentication[_ ]error|unauthorized|missing api key|api key (?:is )?(?:missing|not valid|required)"
        r"|permission_error|an api key is required|malformed lm studio api token",
    ),
    (RATE_LIMITED, r"rate[_ -]?limit|too many requests|maximum pending requests exceeded|tokens per min"),
    (PROVIDER_ERROR, r"overloaded|upstream error|provider returned error|service unavailable"),
)
_RULES = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _TEXTS)
_BY_STATUS = {
    401: AUTH,
    403: AUTH,
    402: QUOTA,
    408: PROVIDER_ERROR,
    413: OVERFLOW,
    429: RATE_LIMITED,
    529: PROVIDER_ERROR,
}
_LIMITED = frozenset({RATE_LIMITED, QUOTA, AUTH})


def classify(status: int | None, text: str) -> str:
    """One of KINDS for an error's status and text; status None: there was no answer, or the error came in mid-stream.

    A text in mid-stream that fits nothing is `provider_error`; without a text there was no answer: `endpoint_down`.
    """
    if status is None and not text:
        return ENDPOINT_DOWN
    for kind, pattern in _RULES:
        if pattern.search(text) and _fits(kind, status):
            return kind
    if status is None:
        return ENDPOINT_DOWN if _UNREACHED.search(text) else PROVIDER_ERROR
    return _BY_STATUS.get(status) or (PROVIDER_ERROR if status >= 500 else BAD_REQUEST)


_UNREACHED = re.compile(
    r"connection refused|cannot connect|connect(?:ion)? (?:error|failed|reset|aborted)|name or service not known"
    r"|no route to host|network is unreachable|server disconnected|broken pipe|timed? ?out|no address associated"
    r"|nodename nor servname",
    re.IGNORECASE,
)


def _fits(kind: str, status: int | None) -> bool:
    """Whether the text may mean this with that status: 429 is a limit, whatever tokens its text speaks of."""
    return status != 429 or kind in _LIMITED


def error_text(body: bytes | str) -> str:
    """The words of an error, out of any of the shapes: `{"error": "text"}`, `{"error": {...}}`, `{"message": ...}`,
    `{"detail": ...}`, a list of one of these, or no JSON at all (then its first 500 characters).

    Type and code are put behind the message, since some servers say the essential there.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        value = codec.loads_any(text)
    except (ValueError, RecursionError):
        return " ".join(re.sub(r"<[^>]*>", " ", text).split())[:500]
    try:
        return _said(value) or text[:500]
    except RecursionError:  # read, and nested without end all the same
        return text[:500]


def _said(value: Any) -> str:
    if isinstance(value, list) and value:
        return _said(value[0])
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    for key in ("error", "message", "detail", "errorMessage"):
        inner = value.get(key)
        if isinstance(inner, dict | list) and (said := _said(inner)):
            return said
        if isinstance(inner, str) and inner:
            more = [str(value[k]) for k in ("type", "code") if isinstance(value.get(k), str) and value[k] not in inner]
            return f"{inner} ({', '.join(more)})" if more else inner
    return ""


_SIZES = (
    # (prompt, window): each text names them in its own order
    re.compile(r"n_keep:? ?\(?(?P<prompt>\d+)\)? ?>= ?n_ctx:? ?\(?(?P<window>\d+)", re.IGNORECASE),
    re.compile(
        r"request \((?P<prompt>\d+) tokens\) exceeds the available context size \((?P<window>\d+)", re.IGNORECASE
    ),
    re.compile(r"first (?P<prompt>\d+) tokens .*? context length of only (?P<window>\d+)", re.IGNORECASE | re.DOTALL),
    re.compile(r"prompt is too long: (?P<prompt>\d+) tokens > (?P<window>\d+)", re.IGNORECASE),
    re.compile(
        r"maximum context length is (?P<window>\d+) tokens.*?(?:resulted in|your request has|you requested)\D*(?P<prompt>\d+)",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(r"input token count \(?(?P<prompt>\d+)\)? exceeds the maximum.*?\(?(?P<window>\d+)", re.IGNORECASE),
    re.compile(r"maximum (?:context|prompt) length is (?P<window>\d+)", re.IGNORECASE),
    re.compile(r"context length (?:is|of) only (?P<window>\d+)", re.IGNORECASE),
)


def overflow_sizes(text: str) -> tuple[int | None, int | None]:
    """(prompt, window) in tokens, as an overflow's text names them; None where it does not."""
    for pattern in _SIZES:
        if found := pattern.search(text):
            groups = found.groupdict()
            prompt = groups.get("prompt")
            return (int(prompt) if prompt else None), int(groups["window"])
    return None, None
