"""A stranger types what the README says: its files, word for word, beside the experiments that ship."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.docs import TOP, blocks

from ralphbench.config import load_experiment
from ralphbench.errors import ConfigError

README = (TOP / "README.md").read_text(encoding="utf-8")
HTTP_CLIENT = "#!/bin/sh\necho 'cannot connect'\nexit 1\n"
WITH_RETRIES = '#!/bin/sh\necho "gave up after $2 retries"\nexit 1\n'
MAKEFILE = "http-client: http-client.sh\n\tcp http-client.sh http-client\n\tchmod +x http-client\ntest:\n\ttrue\n"


def files() -> dict[str, str]:
    """The README's files by path. The comment that a block begins with names its own."""
    found: dict[str, str] = {}
    for language in ("yaml", "markdown", "sh"):
        for block in blocks(README, language):
            named = re.match(r"(?:#|<!--) ([\w./-]+/[\w.-]+)", block)
            assert named is not None, block
            assert named[1] not in found, f"the README writes {named[1]} twice"
            found[named[1]] = block
    return found


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with the README's files, and a home with a repository of the stranger's own."""
    clone, home = tmp_path / "clone", tmp_path / "home"
    for folder in ("experiments", "specs"):
        shutil.copytree(TOP / folder, clone / folder)
    (copied,) = re.findall(r"`cp -r (\S+) (\S+)`", README)
    shutil.copytree(clone / copied[0], clone / copied[1])
    for name, text in files().items():
        write(clone / name, text)
    monkeypatch.setenv("HOME", str(home))
    repository(home / "src/my-project")
    return clone


def write(file: Path, text: str) -> None:
    """As the block's first line says: added at the end, lines changed, or a file of its own."""
    file.parent.mkdir(parents=True, exist_ok=True)
    head = text.splitlines()[0]
    if ": add " in head:
        file.write_text(f"{file.read_text()}\n{text}")
    elif "changed lines" in head:
        old = file.read_text()
        for line in text.splitlines()[1:]:
            old, count = re.subn(rf"(?m)^{line.partition(':')[0]}:.*$", line, old)
            assert count == 1, line
        file.write_text(old)
    else:
        file.write_text(text)


def repository(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "http-client.sh").write_text(HTTP_CLIENT)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=me", "-c", "user.email=me@localhost", "commit", "-q", "-m", "first")
    git(folder, "tag", "v1.4")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_files_are_what_a_stranger_needs() -> None:
    assert list(files()) == [
        "experiments/profiles.yaml",
        "experiments/endpoints.yaml",
        "experiments/004-mine/endpoints.yaml",
        "specs/my-task/task.yaml",
        "experiments/004-mine/experiment.yaml",
        "specs/my-task/spec.md",
        "specs/my-task/hidden/retry.sh",
    ]
    assert len(files()["experiments/004-mine/experiment.yaml"].splitlines()) == 1 + 3


def test_ones_own_repository_and_models_make_an_experiment(stranger: Path) -> None:
    loaded = load_experiment("004-mine", root=stranger / "experiments")
    assert loaded.warnings == ()
    assert [task.name for task in loaded.tasks] == ["my-task"]
    assert [profile.name for profile in loaded.profiles] == ["mine", "mine-builds"]
    assert loaded.baseline == "mine"
    lmstudio = loaded.endpoints["lmstudio"]
    assert (lmstudio.kind, lmstudio.base_url, lmstudio.options) == (
        "lmstudio",
        "http://192.168.1.20:1234",
        {"load": False},
    )
    for profile in loaded.profiles:
        for stage, model in profile.stages.items():
            assert model.context, f"{profile.name}: {stage} states no context"


def test_without_an_override_lm_studio_is_as_shipped(stranger: Path) -> None:
    (stranger / "experiments/004-mine/endpoints.yaml").unlink()
    lmstudio = load_experiment("004", root=stranger / "experiments").endpoints["lmstudio"]
    assert lmstudio.options == {"load": True}, "the README says that models are loaded and unloaded"


def test_servers_that_are_added_can_be_named(stranger: Path) -> None:
    added = re.findall(r"(?m)^(\w+): +\{kind", files()["experiments/endpoints.yaml"])
    assert added
    profiles = stranger / "experiments/profiles.yaml"
    profiles.write_text(profiles.read_text() + "".join(f"on-{n}: {{model: {n}/x, context: 32k}}\n" for n in added))
    experiment = stranger / "experiments/004-mine/experiment.yaml"
    names = ", ".join(f"on-{n}" for n in added)
    text = re.sub(r"(?m)^profiles:.*$", f"profiles: [{names}]", experiment.read_text())
    experiment.write_text(re.sub(r"(?m)^baseline:.*$", f"baseline: on-{added[0]}", text))
    assert set(load_experiment("004-mine", root=stranger / "experiments").endpoints) == set(added)


def test_a_name_that_stands_there_twice_is_an_error_as_said(stranger: Path) -> None:
    profiles = stranger / "experiments/profiles.yaml"
    profiles.write_text(profiles.read_text() + "hybrid: {model: lmstudio/x}\n")
    with pytest.raises(ConfigError, match="hybrid"):
        load_experiment("004-mine", root=stranger / "experiments")


@pytest.mark.slow
def test_the_task_can_be_proven_on_the_repository(stranger: Path) -> None:
    repo = stranger.parent / "home/src/my-project"
    (repo / "http-client.sh").write_text(WITH_RETRIES)
    (stranger / "specs/my-task/reference.patch").write_text(git(repo, "diff", "v1.4"))
    git(repo, "checkout", "-q", "--", ".")
    checked = subprocess.run(
        [sys.executable, "-m", "ralphbench", "task", "check", "my-task"],
        cwd=stranger,
        env={**os.environ, "RALPHBENCH_CACHE": str(stranger / "cache")},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "my-task: usable" in checked.stdout
    assert git(repo, "status", "--porcelain") == "", "it is read, never written to"
