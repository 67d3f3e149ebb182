"""The predecessor's TOML profiles, mapped onto profiles.yaml and endpoints.yaml."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.config.names import as_name
from ralphbench.errors import ConfigError
from ralphbench.model import Stage

STAGES = tuple(stage.value for stage in Stage)
MODEL_KEYS = ("model", *(f"model_{stage}" for stage in STAGES))
AGENT_KEYS = ("agent", *(f"agent_{stage}" for stage in STAGES), "agent_dedup")
LOCAL = ("lmstudio", "llamacpp", "ollama", "vllm", "local")
ENDPOINTS: Mapping[str, Mapping[str, Any]] = {
    "lmstudio": {"kind": "lmstudio", "base_url": "http://127.0.0.1:1234"},
    "llamacpp": {"kind": "llamacpp", "base_url": "http://127.0.0.1:8080"},
    "ollama": {"kind": "openai", "base_url": "http://127.0.0.1:11434/v1"},
    "vllm": {"kind": "openai", "base_url": "http://127.0.0.1:8000/v1"},
    "anthropic": {"kind": "anthropic", "base_url": "https://api.anthropic.com", "api_key_env": "ANTHROPIC_API_KEY"},
    "openai": {"kind": "openai", "base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY"},
    "openrouter": {"kind": "openai", "base_url": "https://openrouter.ai/api/v1", "api_key_env": "OPENROUTER_API_KEY"},
}


@dataclass(slots=True)
class LegacyProfiles:
    """What came of a TOML file."""

    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    carried: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def model_ref(text: str) -> str:
    """`lmstudio:x` and `lmstudio/x` are both written there; here it is the slash."""
    head, colon, tail = text.partition(":")
    return f"{head}/{tail}" if colon and head in LOCAL and tail and "/" not in head else text


def is_local(text: str) -> bool:
    """By the provider's name. The predecessor asked for a colon that its ids do not have, and booked local calls as remote."""
    return model_ref(text).split("/")[0] in LOCAL or "localhost" in text or "127.0.0.1" in text


def read_profiles(file: Path, wanted: Collection[str], known_endpoints: Collection[str]) -> LegacyProfiles:
    """The wanted profiles of a TOML file. Raises ConfigError where it is not TOML."""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=file) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"is not TOML: {error}", file=file) from error
    result = LegacyProfiles()
    tables = data.get("profiles", {})
    default = data.get("default", {})
    for name, table in (("profiles", tables), ("default", default)):
        if not isinstance(table, dict):
            raise ConfigError(f"expected a table, found {table!r}", file=file, key=name)
    common = {key: value for key, value in data.items() if key not in ("profiles", "default")} | default
    for name in wanted:
        if isinstance(table := tables.get(name), dict):
            _profile(name, common | table, result)
    for name in tables.keys() - set(wanted):
        result.lost.append(f"profile {name!r} of {file}: not in PROFILES")
    _endpoints(result, known_endpoints)
    return result


def _profile(name: str, table: dict[str, Any], result: LegacyProfiles) -> None:
    model = table.get("model")
    refs = {stage: table.get(f"model_{stage}", model) for stage in STAGES}
    if not all(isinstance(ref, str) and ref.partition("/")[2] for ref in (model_ref(str(r)) for r in refs.values())):
        result.lost.append(f"profile {name!r}: its models are not all of the form provider/model: {refs}")
        return
    context = table.get("context_window")
    own = {"context": context} if isinstance(context, int) and context > 0 else {}
    stages = {stage: {"model": model_ref(str(ref)), **own} for stage, ref in refs.items()}
    # All five stages are written out: what a shared profile of this name says of a stage must not shine through.
    result.profiles[as_name(name)] = {
        "agent": "opencode",
        "model": model_ref(str(model or refs["build"])),
        "stages": stages,
    }
    result.carried.append(f"profile {name!r}")
    if "model_plan" in table and table["model_plan"] != model:
        result.carried.append(
            f"profile {name!r}: model_plan, which the predecessor did not use: it planned with {model!r}"
        )
    for key, value in table.items():
        if key in AGENT_KEYS:
            why = "agents of opencode's own are switched off here; what a stage may do is the harness's"
            result.lost.append(f"profile {name!r}: {key} = {value!r}: {why}")
        elif key not in MODEL_KEYS and not (key == "context_window" and own):
            why = "limits are the experiment's and the rest has no equal here; see `limits:` of experiment.yaml"
            result.lost.append(f"profile {name!r}: {key} = {value!r}: {why}")


def _endpoints(result: LegacyProfiles, known: Collection[str]) -> None:
    used = {
        stage["model"].split("/")[0] for profile in result.profiles.values() for stage in profile["stages"].values()
    }
    for name in sorted(used - set(known)):
        if name in ENDPOINTS:
            result.endpoints[name] = dict(ENDPOINTS[name])
            result.carried.append(f"endpoint {name!r} at its usual address; check it in endpoints.yaml")
        else:
            result.lost.append(f"endpoint {name!r}: where it is, is not said in the profiles; add it to endpoints.yaml")
