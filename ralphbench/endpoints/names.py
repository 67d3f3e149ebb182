"""Whether two names mean one model: servers answer with a dated, longer or shorter name than they were asked for."""

from __future__ import annotations

import re

_DATED = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{3}|latest)$")


def same_model(asked: str, served: str) -> bool:
    """Whether `served` is what was asked for. A date or a release number behind a name is the same model; another
    size, variant or instance (`key:2`) is not. A file's path and `.gguf` do not count.
    """
    return bool(_forms(asked) & _forms(served))


def _forms(name: str) -> frozenset[str]:
    plain = name.strip().lower()
    if plain.endswith(".gguf"):
        plain = plain.removesuffix(".gguf").rsplit("/", 1)[-1]
    undated = _DATED.sub("", plain)
    forms = {plain, undated}
    if plain.startswith("models/"):  # Google's way to write an id
        forms.add(plain.removeprefix("models/"))
    return frozenset(forms)
