"""The minimal configuration that opencode runs with: offline, closed, one model, nothing of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ralphbench.agents.home_files import remove, write
from ralphbench.errors import ConfigError
from ralphbench.model import StageModel, codec

PROVIDER = "gw"
CONTEXT = 128_000
"""Tokens, where the profile does not state a window. Unstated, opencode would never compact."""
OUTPUT = 32_000
"""Tokens of one answer, where the profile does not state them: opencode's own most. At most a quarter of the window,
since opencode compacts for ever where the two are near each other or the output is not stated.
"""
NPM = {"chat": "@ai-sdk/openai-compatible", "responses": "@ai-sdk/openai", "messages": "@ai-sdk/anthropic"}
"""Dialect to the provider package that speaks it; all are part of the binary."""
_PERMISSION: dict[str, Any] = {
    "*": "allow",
    "read": {"*": "allow"},  # by default `*.env` is asked about
    "external_directory": "deny",
    "doom_loop": "deny",
    "question": "deny",
    "plan_enter": "deny",
    "plan_exit": "deny",
    "webfetch": "deny",
    "websearch": "deny",
}
"""Nothing is asked: nobody would answer, and an unanswered question ends a run with exit 0."""
ENV = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_CLAUDE_CODE": "1",
    "OPENCODE_DISABLE_EXTERNAL_SKILLS": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
    "OPENCODE_DISABLE_SHARE": "1",
    "OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER": "1",
    "OPENCODE_PURE": "1",
    "OPENCODE_TEST_MANAGED_CONFIG_DIR": "/dev/null/none",  # a configuration of the machine's would overrule ours
}


_OTHERS = (".config/opencode", ".opencode", ".local/share/opencode/auth.json", ".local/state/opencode")
"""Where opencode looks for a configuration or a login beside ours, whatever ENV says. Its sessions lie elsewhere."""


def fresh_folder(home: Path) -> None:
    """opencode's own configuration folders as every stage finds them: without what a stage before has put there, and so
    that its plugin package counts as installed; else it is fetched from the registry at every start.
    """
    for name in _OTHERS:
        remove(home, name)
    write(home, ".config/opencode/node_modules/.none", b"")
    lock = {"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}
    write(home, ".config/opencode/package-lock.json", codec.dumps(lock))


def limits(model: StageModel) -> tuple[int, int]:
    """(context, output) in tokens, as told to opencode."""
    context = model.context or CONTEXT
    return context, min(model.output or OUTPUT, max(1, context // 4) if model.output is None else context)


def config(model: StageModel, *, dialect: str, base_url: str, key: str) -> str:
    """OPENCODE_CONFIG_CONTENT. Raises ConfigError for a dialect that no provider package speaks."""
    if dialect not in NPM:
        raise ConfigError(f"opencode speaks {', '.join(NPM)}; the endpoint {model.model.endpoint!r} speaks {dialect!r}")
    context, output = limits(model)
    name = f"{PROVIDER}/{model.model.model}"
    pinned = {"model": name}
    return codec.dumps(
        {
            "autoupdate": False,
            "share": "disabled",
            "snapshot": False,
            "lsp": False,
            "formatter": False,
            "enabled_providers": [PROVIDER],
            "model": name,
            "small_model": name,
            "permission": _PERMISSION,
            "agent": {
                "title": {"disable": True},
                **dict.fromkeys(("build", "general", "explore", "compaction"), pinned),
            },
            "experimental": {"continue_loop_on_deny": True},
            "provider": {PROVIDER: _provider(model, NPM[dialect], base_url, key, context, output)},
        }
    ).decode()


def _provider(model: StageModel, npm: str, base_url: str, key: str, context: int, output: int) -> dict[str, Any]:
    return {
        "npm": npm,
        "options": {
            "baseURL": base_url,
            "apiKey": key,
            # the gateway and the watch keep the time; a cold model may take longer than any default here
            "timeout": False,
            "headerTimeout": False,
            "chunkTimeout": False,
        },
        "models": {
            model.model.model: {
                "tool_call": True,
                "temperature": False,  # sampling is the profile's, set by the gateway; no default of opencode's own
                "limit": {"context": context, "output": output},
            }
        },
    }
