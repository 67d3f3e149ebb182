"""The limits of the race, and those that profiles have of their own where the experiment allows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ralphbench.config.draft import Draft
from ralphbench.config.profiles import Resolved, own_limits
from ralphbench.config.yamlfile import Document
from ralphbench.errors import ConfigError, UsageError
from ralphbench.model import Limits


def common_limits(draft: Draft) -> Limits:
    """The experiment's limits, with the command line's laid over them."""
    from ralphbench.config.words import LimitsWords

    values = {f.name: getattr(draft.words.limits, f.name) for f in fields(Limits)}
    draft.origins |= {f"limits.{key}": draft.origin(f"limits.{key}") for key in values}
    given = dict(draft.overrides.limits)
    if given:
        with draft.problems.collected():
            words = _from_flags(given, LimitsWords)
            values |= {key: getattr(words, key) for key in given}
            draft.origins |= {f"limits.{key}": "--limit" for key in given}
    return Limits(**values)


def _from_flags(given: dict[str, object], kind: type[Any]) -> Any:
    from ralphbench.config.checked import check

    try:
        return check(kind, given, Document(Path("command line"), given, {}, "command line"))
    except ConfigError as error:
        raise UsageError(str(error).replace("command line:1: ", "--limit ")) from error


def unequal_limits(draft: Draft, resolved: list[Resolved], limits: Limits) -> dict[str, Limits]:
    """Limits that profiles have of their own: refused, unless the experiment says that the race is unequal."""
    unequal: dict[str, Limits] = {}
    for one in (one for one in resolved if one.limits):
        name = one.profile.name
        own = own_limits(one.limits, limits)
        first = next(part for part in one.limits.values() if not isinstance(part, dict))
        if not draft.words.unequal_limits:
            draft.problems.add(
                first.document.error(
                    first.path[:-1],
                    "the profile has limits of its own, but the race is the same for all",
                    remedy=f"move them to `limits:` of {draft.document.file}, or say `unequal_limits: true` there "
                    "(every report will then say so)",
                )
            )
        unequal[name] = own
        for key, part in one.limits.items():
            if not isinstance(part, dict):
                draft.origins[f"profiles.{name}.limits.{key}"] = part.origin
    return unequal


def unequal_warning(unequal: Mapping[str, Limits]) -> tuple[str, ...]:
    return (f"UNEQUAL LIMITS: those of {', '.join(unequal)} are not the experiment's",) if unequal else ()
