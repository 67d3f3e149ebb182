"""What each server's words mean: every text that was seen, as a table."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.endpoints.faults import KINDS, classify, error_text, overflow_sizes

LM_KEEP = (
    "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: "
    "13055>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter "
    "input."
)
LM_OLD = (
    "Trying to keep the first 9120 tokens when context the overflows. However, the model is loaded with "
    "context length of only 4096 tokens, which is not enough."
)
LLAMA = "request (20023 tokens) exceeds the available context size (1024 tokens), try increasing it"
OLLAMA = (
    "the prompt is longer than the context length currently available to the model; shorten the prompt, "
    "adjust the context length in settings, or use a model with a longer context length"
)
VLLM = (
    "This model's maximum context length is 2048 tokens. However, your request has 8 input tokens plus "
    "2045 'max_tokens'."
)
VLLM_OLD = (
    "This model's maximum context length is 131072 tokens. However, you requested 122946 tokens (112946 "
    "in the messages, 10000 in the completion)."
)

TABLE: list[tuple[int | None, str, str]] = [
    # LM Studio
    (400, LM_OLD, "overflow"),
    (400, LM_KEEP, "overflow"),
    (400, "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)", "overflow"),
    (400, "Context size has been exceeded", "overflow"),
    (None, LM_KEEP, "overflow"),
    (400, 'Invalid model identifier "x". Please specify a valid downloaded model (e.g., a, b).', "model_missing"),
    (404, 'Invalid model identifier "x". Please specify a valid downloaded model (e.g., a, b).', "model_missing"),
    (
        404,
        "No models loaded. Please load a model in the developer page or use the 'lms load' command.",
        "nothing_loaded",
    ),
    (
        400,
        "No models loaded. Please load a model in the developer page or use the 'lms load' command.",
        "nothing_loaded",
    ),
    (400, "Model is unloaded.", "nothing_loaded"),
    (400, 'Failed to load model "X". Error: Operation canceled.', "model_load"),
    (500, "Error loading model.", "model_load"),
    (500, "could not (model_load_failed)", "model_load"),
    (
        400,
        "Model loading was stopped due to insufficient system resources. Under the current settings, this "
        "model requires approximately 40.5 GB of memory.",
        "out_of_memory",
    ),
    (400, "The model has crashed without additional information. (Exit code: 18446744072635812000)", "crashed"),
    (400, "The model has crashed without additional information. (Exit code: null)", "crashed"),
    (None, "The model has crashed without additional information. (Exit code: null)", "crashed"),
    # llama.cpp
    (400, LLAMA, "overflow"),
    (400, "text (exceed_context_size_error)", "overflow"),
    (503, "Loading model (unavailable_error)", "model_load"),
    (400, "model name is missing from the request", "model_missing"),
    (500, "The model produced output that does not match the expected peg-native format (server_error)", "bad_request"),
    (500, "Failed to parse tool call arguments as JSON", "bad_request"),
    (400, "Assistant response prefill is incompatible with enable_thinking.", "bad_request"),
    (500, "ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory", "out_of_memory"),
    # Ollama
    (400, OLLAMA, "overflow"),
    (404, 'model "qwen9" not found, try pulling it first', "model_missing"),
    (503, "server busy, please try again.  maximum pending requests exceeded", "rate_limited"),
    (500, "model requires more system memory (30.1 GiB) than is available (12.0 GiB)", "out_of_memory"),
    (500, "llama runner process has terminated: exit status 2", "crashed"),
    # vLLM
    (400, VLLM, "overflow"),
    (400, VLLM_OLD, "overflow"),
    (404, "The model `qwen` does not exist. (NotFoundError)", "model_missing"),
    # OpenAI and what speaks like it
    (400, "Your input exceeds the context window of this model.", "overflow"),
    (400, "too long (context_length_exceeded)", "overflow"),
    (429, "You exceeded your current quota, please check your plan and billing details. (insufficient_quota)", "quota"),
    (
        429,
        "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Requested 31000. Please try again in 2s.",
        "rate_limited",
    ),
    (429, "Request too large: reduce the length of the messages", "rate_limited"),
    (401, "Incorrect API key provided: sk-x. (invalid_api_key)", "auth"),
    (404, "The model `gpt-9` does not exist or you do not have access to it. (model_not_found)", "model_missing"),
    (500, "The server had an error while processing your request. Sorry about that!", "provider_error"),
    (503, "The engine is currently overloaded, please try again later", "provider_error"),
    # OpenRouter
    (402, "This request requires more credits, or fewer max_tokens.", "quota"),
    (404, "No endpoints found for x/y.", "model_missing"),
    (400, "x/y is not a valid model ID", "model_missing"),
    (502, "Provider returned error", "provider_error"),
    # Anthropic
    (400, "prompt is too long: 250000 tokens > 200000 maximum", "overflow"),
    (413, "Request exceeds the maximum size (request_too_large)", "overflow"),
    (413, "", "overflow"),
    (529, "Overloaded (overloaded_error)", "provider_error"),
    (401, "invalid x-api-key (authentication_error)", "auth"),
    (404, "model: claude-9 (not_found_error)", "model_missing"),
    (400, "Your credit balance is too low to access the Anthropic API.", "quota"),
    (429, "This request would exceed your organization's rate limit (rate_limit_error)", "rate_limited"),
    # Google, Bedrock, others
    (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "overflow"),
    (400, "Input is too long for requested model.", "overflow"),
    (400, "maximum prompt length is 131072 tokens", "overflow"),
    (400, "input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000", "overflow"),
    (400, "The input (40000 tokens) is longer than the model's context length (32768 tokens).", "overflow"),
    (422, "`inputs` tokens + `max_new_tokens` must be <= 32768. Given: 33000 `inputs` tokens", "overflow"),
    (400, "Prompt contains 140000 tokens, too large for model with 131072 maximum context length", "overflow"),
    (400, "Prompt exceeds max length", "overflow"),
    (400, "Invalid request: Your request exceeded model token limit: 131072", "overflow"),
    (400, "too many tokens in the prompt", "overflow"),
    (400, "token limit exceeded", "overflow"),
    (None, "Prompt exceeds max length", "overflow"),
    (429, "too many tokens, please slow down", "rate_limited"),
    (400, "The model called a tool that was not found: edit", "bad_request"),
    (404, "Model 'x/y' not found", "model_missing"),
    # no answer at all
    (None, "", "endpoint_down"),
    (None, "Cannot connect to host 127.0.0.1:1234 ssl:default [Connect call failed]", "endpoint_down"),
    (None, "Connection reset by peer", "endpoint_down"),
    (None, "Server disconnected", "endpoint_down"),
    (None, "something went wrong in the middle", "provider_error"),
    # by status alone
    (400, "temperature must be at most 2", "bad_request"),
    (400, "", "bad_request"),
    (402, "", "quota"),
    (403, "", "auth"),
    (404, "Not Found", "bad_request"),
    (422, "field required", "bad_request"),
    (429, "", "rate_limited"),
    (500, "", "provider_error"),
    (504, "Gateway Time-out", "provider_error"),
]


@pytest.mark.parametrize(("status", "text", "kind"), TABLE)
def test_classify(status: int | None, text: str, kind: str) -> None:
    assert classify(status, text) == kind


@pytest.mark.parametrize(("status", "text", "kind"), [row for row in TABLE if row[1]])
def test_both_shapes_of_an_error_say_the_same(status: int | None, text: str, kind: str) -> None:
    for body in (
        {"error": text},
        {"error": {"message": text, "type": "x"}},
        [{"error": {"message": text}}],
        {"detail": text},
    ):
        said = error_text(json.dumps(body))
        assert said.startswith(text)
        assert classify(status, said) == kind


SHAPES = [
    (b'{"error":"plain"}', "plain"),
    (b'{"error":{"message":"m","type":"t","code":"c"}}', "m (t, c)"),
    (b'{"error":{"message":"m","code":400}}', "m"),
    (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "Overloaded (overloaded_error)"),
    (b'{"message":"m"}', "m"),
    (b'{"detail":[{"msg":"x","message":"y"}]}', "y"),
    (b'"just text"', "just text"),
    (b"<html><body><h1>502 Bad Gateway</h1></body></html>", "502 Bad Gateway"),
    (b"", ""),
    (b"\xff\xfe", "\ufffd\ufffd"),
    (b'{"something":"else"}', '{"something":"else"}'),
]


@pytest.mark.parametrize(("body", "text"), SHAPES)
def test_error_text(body: bytes, text: str) -> None:
    assert error_text(body) == text


SIZES = [
    (LM_KEEP, (13055, 4096)),
    (LM_OLD, (9120, 4096)),
    ("Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)", (15028, 7424)),
    (LLAMA, (20023, 1024)),
    (VLLM, (8, 2048)),
    (VLLM_OLD, (122946, 131072)),
    ("prompt is too long: 250000 tokens > 200000 maximum", (250000, 200000)),
    ("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", (1200000, 1048576)),
    ("maximum prompt length is 131072 tokens", (None, 131072)),
    ("Context size has been exceeded", (None, None)),
]


@pytest.mark.parametrize(("text", "sizes"), SIZES)
def test_overflow_sizes(text: str, sizes: tuple[int | None, int | None]) -> None:
    assert overflow_sizes(text) == sizes


@given(status=st.none() | st.integers(100, 599), body=st.binary(max_size=200) | st.text(max_size=200))
def test_any_error_has_a_kind(status: int | None, body: bytes | str) -> None:
    assert classify(status, error_text(body)) in KINDS
