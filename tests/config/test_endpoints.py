from __future__ import annotations

from typing import Any

import pytest

from ralphbench.config import ConfigErrors
from ralphbench.errors import ConfigError, UnknownName
from ralphbench.model import EndpointSpec


def box(world: Any, text: str) -> EndpointSpec:
    world.write("experiments/endpoints.yaml", f"{text}\ncloud: {{kind: openai, base_url: http://localhost}}\n")
    spec: EndpointSpec = world.load().endpoints["box"]
    return spec


def test_an_endpoint_is_read_whole(world: Any) -> None:
    spec = box(
        world,
        "box: {kind: lmstudio, base_url: http://127.0.0.1:1234, slots: 2, local: true, price: {input: 1, output: 2.5}}",
    )
    assert spec == EndpointSpec(
        "box", "lmstudio", "http://127.0.0.1:1234", slots=2, local=True, price={"input": 1, "output": 2.5}
    )


def test_variables_of_unused_endpoints_need_not_be_set(world: Any) -> None:
    box(
        world, "box: {kind: llamacpp, base_url: http://127.0.0.1:1}\nother: {kind: openai, base_url: $NOT_SET_ANYWHERE}"
    )


def test_a_variable_that_is_not_set_is_named(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOX_URL", raising=False)
    with pytest.raises(ConfigError, match=r"endpoints\.yaml:1: box\.base_url: the variable BOX_URL"):
        box(world, "box: {kind: llamacpp, base_url: $BOX_URL/v1}")
    monkeypatch.setenv("BOX_URL", "http://127.0.0.1:9")
    assert box(world, "box: {kind: llamacpp, base_url: $BOX_URL/v1}").base_url == "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("url", ["127.0.0.1:1234", "ftp://x", "http://", "http://x:99999", "http://[::1"])
def test_what_is_no_address_is_refused(world: Any, url: str) -> None:
    with pytest.raises(ConfigError, match="expected an address"):
        box(world, f"box: {{kind: llamacpp, base_url: '{url}'}}")


def test_a_password_in_an_address_is_refused_and_not_repeated(world: Any) -> None:
    with pytest.raises(ConfigError, match="would end in the records") as caught:
        box(world, "box: {kind: llamacpp, base_url: 'http://me:hunter2@box:1'}")
    assert "hunter2" not in str(caught.value)


def test_a_key_is_never_taken_from_a_file(world: Any) -> None:
    with pytest.raises(ConfigError, match="never written into a file") as caught:
        box(world, "box: {kind: openai, api_key: sk-verysecret}")
    assert "verysecret" not in str(caught.value)
    with pytest.raises(ConfigError, match="name of an environment variable") as caught:
        box(world, "box: {kind: openai, api_key_env: sk-verysecret}")
    assert "verysecret" not in str(caught.value)


def test_an_unknown_kind_names_what_is_near(world: Any) -> None:
    with pytest.raises(UnknownName, match="no kind of endpoint 'lmstudo'; did you mean 'lmstudio'"):
        box(world, "box: {kind: lmstudo}")


def test_a_missing_kind_is_told(world: Any) -> None:
    with pytest.raises(ConfigError, match="has no kind"):
        box(world, "box: {base_url: http://x}")


def test_a_script_lies_beside_the_file_that_names_it(world: Any) -> None:
    world.write("experiments/s.yaml", "rules: []\n")
    spec = box(world, "box: {kind: scripted, script: s.yaml}")
    assert spec.script == str((world.root / "s.yaml").resolve())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("box: {kind: scripted}", "needs script"),
        ("box: {kind: scripted, script: none.yaml}", "there is no"),
        ("box: {kind: openai, script: s.yaml}", "only endpoints of kind"),
        ("box: {kind: openai, slots: 0}", "expected at least 1"),
        ("box: {kind: openai, auth: pass}", "expected key or passthrough or none"),
        ("box: {kind: openai, local: yes}", "expected true or false, found 'yes'"),
        ("box: {kind: openai, price: {input: 1}}", "price.output: is missing"),
        ("box: {kind: openai, baseurl: x}", "did you mean 'base_url'"),
    ],
)
def test_mistakes_are_told(world: Any, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        box(world, text)


def test_the_mistakes_of_all_files_are_told_together(world: Any) -> None:
    world.write("experiments/endpoints.yaml", "box: {knd: x}\ncloud: {kind: openai, slots: many}\n")
    world.write("experiments/profiles.yaml", "small: {modl: box/t}\n")
    with pytest.raises(ConfigErrors) as caught:
        world.load()
    assert len(caught.value.problems) == 3
    assert {str(p.file.name) for p in caught.value.problems} == {"profiles.yaml", "endpoints.yaml"}  # type: ignore[attr-defined]
    assert str(caught.value).startswith("3 mistakes:")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("    retries: 3\n    retriez: 3\n", r"endpoints\.yaml:6: box\.options\.retriez: .*did you mean 'retries'"),
        (
            "    stall_seconds: long\n",
            r"endpoints\.yaml:5: box\.options\.stall_seconds: expected a number, found 'long'",
        ),
        ("    dialect: latin\n", r"endpoints\.yaml:5: box\.options\.dialect: 'latin' is not spoken there"),
        ("    load: true\n", r"endpoints\.yaml:5: box\.options\.load: an endpoint of kind 'openai' has no such option"),
    ],
)
def test_an_option_that_the_kind_does_not_take_is_told_with_file_line_and_key(
    world: Any, options: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        box(world, f"box:\n  kind: openai\n  base_url: http://127.0.0.1:1\n  options:\n{options}")
