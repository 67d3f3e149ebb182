"""Whether the model that a server says it served is the one that was asked for.

The rule. Two names are the same model when they are equal after this was taken away from both:
- case, and everything up to the last slash (`mistralai/devstral` served as `devstral`; a path to a file);
- a file's ending (`.gguf`, `.safetensors`), a `-gguf`/`-mlx` packaging mark;
- what follows `@` or `:` (LM Studio's `@q4_k_m` and `:2`, Ollama's `:latest`, OpenRouter's `:free`), except a size
  (`qwen3:30b` is not `qwen3:8b`);
- a quantisation at the end (`-Q4_K_M`, `-q8_0`, `-IQ4_XS`, `-4bit`, `-fp8`, `-awq`, `-MXFP4`, ...);
or when one is the other with a date or release number behind it (`claude-sonnet-4-5` served as
`claude-sonnet-4-5-20250929`, `gpt-4o` as `gpt-4o-2024-08-06`, `gpt-4` as `gpt-4-0613`, `gemini-1.5-pro` as
`gemini-1.5-pro-002`), or `-latest` stands where the other has one or nothing. Two different dates are two
different models, and so are two different sizes. Everything else is another model: `gpt-4o` and `gpt-4o-mini`,
`devstral-small-2-2512` and `devstral-small-2-2505`.
A quantisation is ignored since servers leave it out or put it in at will; the profile's `variant` is checked where the
model is loaded, not here.
"""

from __future__ import annotations

import re
from functools import lru_cache

_FILE = re.compile(r"\.(gguf|safetensors|bin)$")
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_SIZE = re.compile(r"^(e?\d+(\.\d+)?[bm])(-|$)")
_PACKAGING = re.compile(r"[-_.](gguf|mlx)$")
_QUANTISATION = re.compile(
    r"[-_.](i?q\d(_[a-z0-9]+)*|ud-i?q\d(_[a-z0-9]+)*|\d{1,2}-?bits?|fp8|fp16|bf16|f16|f32|int[48]|awq|gptq(-int[48])?|mxfp4|nvfp4|dwq|exl[23])$"
)
_DATE = re.compile(r"-(20\d{2}-?[01]\d-?[0-3]\d|\d{3,4}|latest)$")


@lru_cache(256)
def same_model(requested: str, served: str) -> bool:
    """Whether `served` answers for `requested`, by the rule above."""
    one, other = _plain(requested), _plain(served)
    if one == other:
        return True
    stem_one, date_one = _dated(one)
    stem_other, date_other = _dated(other)
    if date_one == "latest" or date_other == "latest":
        return stem_one == stem_other
    return (date_one is None and stem_other == one) or (date_other is None and stem_one == other)


def _plain(name: str) -> str:
    name = name.strip().lower().replace("\\", "/").rsplit("/", 1)[-1]
    name = _without_tag(name)
    name = _SHARD.sub("", _FILE.sub("", name))
    while (shorter := _PACKAGING.sub("", _QUANTISATION.sub("", name))) != name:
        name = shorter
    return name


def _without_tag(name: str) -> str:
    name, _, _ = name.partition("@")
    stem, colon, tag = name.partition(":")
    size = _SIZE.match(tag) if colon else None
    return f"{stem}:{size[1]}" if size else stem


def _dated(name: str) -> tuple[str, str | None]:
    match = _DATE.search(name)
    return (name[: match.start()], match[1].replace("-", "")) if match else (name, None)


def in_the_cloud(model: str) -> bool:
    """Whether a server on this machine only passes the model on: Ollama names such models so (`gpt-oss:120b-cloud`)."""
    return model.lower().endswith(("-cloud", ":cloud"))
