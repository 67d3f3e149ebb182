from __future__ import annotations

from typing import Any

import pytest

from ralphbench.config import ConfigErrors
from ralphbench.errors import ConfigError, UnknownName, UsageError
from ralphbench.model import Experiment, ModelRef, Profile, Stage


def profile(experiment: Experiment, name: str) -> Profile:
    return next(p for p in experiment.profiles if p.name == name)


def compare(world: Any, *names: str) -> Experiment:
    world.experiment(f"question: q\ntasks: [single]\nprofiles: [{', '.join(names)}]\n")
    loaded: Experiment = world.load()
    return loaded


def test_all_five_stages_are_resolved(world: Any) -> None:
    mixed = profile(compare(world, "mixed"), "mixed")
    assert set(mixed.stages) == set(Stage)
    assert mixed.stages[Stage.BUILD].model == ModelRef("box", "tiny")
    assert {m.model for s, m in mixed.stages.items() if s is not Stage.BUILD} == {ModelRef("cloud", "huge")}


def test_a_model_name_may_hold_slashes_and_the_default_agent_is_opencode(world: Any) -> None:
    world.write("experiments/profiles.yaml", "p: {model: box/mistralai/devstral-small}\n")
    stage = profile(compare(world, "p"), "p").stages[Stage.PLAN]
    assert (stage.model.endpoint, stage.model.model, stage.agent) == ("box", "mistralai/devstral-small", "opencode")


def test_a_stage_with_another_model_does_not_inherit_the_window_of_the_first(world: Any) -> None:
    world.write(
        "experiments/profiles.yaml",
        """
        models: {box/tiny: {context: 8Ki, sampling: {temperature: 0.1}}}
        p:
          model: cloud/huge
          context: 200k
          variant: big
          sampling: {temperature: 1.0, top_p: 0.5}
          stages: {build: box/tiny, verify: {context: 100k}, plan: {model: box/tiny, context: 4k, sampling: {top_k: 3}}}
        """,
    )
    stages = profile(compare(world, "p"), "p").stages
    build, verify, plan, decompose = (stages[s] for s in (Stage.BUILD, Stage.VERIFY, Stage.PLAN, Stage.DECOMPOSE))
    assert (build.context, build.variant, build.sampling.temperature, build.sampling.top_p) == (8192, None, 0.1, None)
    assert (verify.context, verify.variant, verify.sampling.temperature) == (100_000, "big", 1.0)
    assert (plan.context, plan.sampling.temperature, plan.sampling.top_k) == (4000, 0.1, 3)
    assert (decompose.context, decompose.sampling.top_p) == (200_000, 0.5)


def test_agent_options_go_with_their_agent(world: Any) -> None:
    world.write(
        "experiments/profiles.yaml",
        "p: {model: box/t, agent: builtin, agent_options: {bash_timeout: 5}, stages: {build: {agent: opencode}}}\n",
    )
    stages = profile(compare(world, "p"), "p").stages
    assert stages[Stage.PLAN].agent_options == {"bash_timeout": 5}
    assert stages[Stage.BUILD].agent_options == {}


def test_defaults_hold_where_a_profile_says_nothing(world: Any) -> None:
    world.write(
        "experiments/profiles.yaml",
        """
        defaults: {agent: builtin, model: box/tiny, context: 16k, sampling: {seed: 7}}
        a: {}
        b: {model: cloud/huge, context: 64k, agent: opencode}
        """,
    )
    loaded = compare(world, "a", "b")
    a, b = (profile(loaded, name).stages[Stage.PLAN] for name in "ab")
    assert (str(a.model), a.agent, a.context, a.sampling.seed) == ("box/tiny", "builtin", 16_000, 7)
    assert (str(b.model), b.agent, b.context, b.sampling.seed) == ("cloud/huge", "opencode", 64_000, 7)
    assert loaded.origins["profiles.a.plan.model"] == "profiles.yaml:1"
    assert loaded.origins["profiles.b.plan.context"] == "profiles.yaml:3"


def test_a_profile_extends_another_and_a_new_model_brings_its_own_window(world: Any) -> None:
    world.write(
        "experiments/profiles.yaml",
        """
        a: {model: box/tiny, agent: builtin, context: 16k, output: 2k}
        b: {extends: a, context: 32k}
        c: {extends: b, model: cloud/huge}
        """,
    )
    loaded = compare(world, "a", "b", "c")
    a, b, c = (profile(loaded, name).stages[Stage.PLAN] for name in "abc")
    assert (a.context, a.output) == (16_000, 2000)
    assert (b.context, b.output, b.agent) == (32_000, 2000, "builtin")
    assert (c.context, c.output, c.agent, str(c.model)) == (None, None, "builtin", "cloud/huge")


def test_profiles_that_extend_each_other_are_refused(world: Any) -> None:
    world.write("experiments/profiles.yaml", "a: {extends: b}\nb: {extends: a}\n")
    with pytest.raises(ConfigError, match="a -> b -> a") as caught:
        compare(world, "a")
    assert caught.value.line == 2


def test_extending_what_does_not_exist_names_what_is_near(world: Any) -> None:
    world.write("experiments/profiles.yaml", "a: {model: box/t}\nb: {extends: aa}\n")
    with pytest.raises(UnknownName, match=r"profiles\.yaml:2: b\.extends: .*'aa'; did you mean 'a'"):
        compare(world, "b")


def test_the_experiments_own_files_and_maps_win_key_by_key(world: Any) -> None:
    world.write("experiments/profiles.yaml", "p: {model: box/tiny, agent: builtin, context: 16k, output: 1k}\n")
    world.write("experiments/001-first/profiles.yaml", "p: {context: 24k, variant: Q8}\n")
    world.experiment("question: q\ntasks: [single]\nprofiles:\n  p: {output: 3k}\n  new: {model: cloud/huge}\n")
    loaded = world.load()
    stage = profile(loaded, "p").stages[Stage.BUILD]
    assert (str(stage.model), stage.context, stage.variant, stage.output) == ("box/tiny", 24_000, "Q8", 3000)
    origins = {key: loaded.origins[f"profiles.p.build.{key}"] for key in ("model", "context", "output")}
    assert origins == {
        "model": "profiles.yaml:1",
        "context": "001-first/profiles.yaml:1",
        "output": "experiment.yaml:4",
    }
    assert str(profile(loaded, "new").stages[Stage.PLAN].model) == "cloud/huge"


def test_an_unknown_profile_names_what_is_near_and_where_it_was_asked_for(world: Any) -> None:
    with pytest.raises(
        UnknownName, match=r"experiment\.yaml:3: profiles\[0\]: there is no profile 'smal'; did you mean 'small'"
    ):
        compare(world, "smal")


def test_an_unknown_endpoint_and_an_unknown_agent_are_named(world: Any) -> None:
    world.write(
        "experiments/profiles.yaml",
        "a: {model: bx/t}\nb: {model: box/t, agent: opencod}\nc: {model: box/t, agent: command}\n",
    )
    with pytest.raises(UnknownName, match=r"profiles\.yaml:1: a\.model: there is no endpoint 'bx'; did you mean 'box'"):
        compare(world, "a")
    with pytest.raises(UnknownName, match="no agent 'opencod'; did you mean 'opencode'"):
        compare(world, "b")
    with pytest.raises(UnknownName, match="no agent 'command'"):
        compare(world, "c")


def test_a_command_agent_of_agents_yaml_can_be_named(world: Any) -> None:
    world.write("experiments/agents.yaml", "mini: {argv: [mini, -p], version: {argv: [mini]}}\nunused: {run: [x]}\n")
    world.write("experiments/profiles.yaml", "a: {model: box/t, agent: mini}\n")
    loaded = compare(world, "a")
    assert loaded.agents == {"mini": {"argv": ["mini", "-p"], "version": {"argv": ["mini"]}}}
    assert loaded.origins["agents.mini"] == "agents.yaml:1"


@pytest.mark.parametrize(
    ("agents", "profiles", "said"),
    [
        (
            "",
            "a:\n  model: box/t\n  agent_options:\n    bash_timeout: 9\n    first_evnt: 5\n",
            r"profiles\.yaml:5: a\.agent_options\.first_evnt: agent opencode has no option 'first_evnt'; "
            "did you mean 'first_event'",
        ),
        (
            "",
            "a:\n  model: box/t\n  stages:\n    build:\n      agent_options: {after_end: soon}\n",
            r"profiles\.yaml:5: a\.stages\.build\.agent_options\.after_end: expected seconds, more than 0, found 'soon'",
        ),
        (
            "mini:\n  argv: [mini]\n  version: {argv: [mini]}\n  promt: stdin\n",
            "a: {model: box/t, agent: mini}\n",
            r"agents\.yaml:4: mini.*: unknown key 'promt'; did you mean 'prompt'",
        ),
        (
            "mini:\n  argv: [mini]\n  version: {argv: [mini]}\n  output:\n    format: xml\n",
            "a: {model: box/t, agent: mini}\n",
            r"agents\.yaml:5: mini\.output\.format: Invalid enum value 'xml'",
        ),
        (
            "mini:\n  argv: [mini]\n  version: {argv: [mini]}\n",
            "a: {model: box/t, agent: mini, agent_options: {first: 3}}\n",
            r"profiles\.yaml:1: a\.agent_options\.first: agent mini has no option 'first'",
        ),
    ],
)
def test_what_an_agent_does_not_take_is_told_with_file_line_and_key(
    world: Any, agents: str, profiles: str, said: str
) -> None:
    world.write("experiments/agents.yaml", agents)
    world.write("experiments/profiles.yaml", profiles)
    with pytest.raises(ConfigError, match=said):
        compare(world, "a")


def test_an_agent_that_is_no_map_is_refused(world: Any) -> None:
    world.write("experiments/agents.yaml", "mini: mini -p\n")
    with pytest.raises(ConfigError, match=r"agents\.yaml:1: mini: expected a map"):
        world.load()


@pytest.mark.parametrize("limit", ["iterations: 5", "wall_time: 1h", "tokens: 1M", "cost: 1 USD"])
def test_a_limit_in_a_profile_is_refused_with_both_remedies(world: Any, limit: str) -> None:
    world.write("experiments/profiles.yaml", f"a: {{model: box/t, {limit}}}\n")
    with pytest.raises(ConfigError, match="same for all") as caught:
        compare(world, "a")
    remedy = caught.value.remedy or ""
    assert "limits:" in remedy
    assert "unequal_limits: true" in remedy


def test_own_limits_need_the_word_of_the_experiment(world: Any) -> None:
    world.write("experiments/profiles.yaml", "a: {model: box/t, limits: {iterations: 5}}\nb: {model: box/u}\n")
    with pytest.raises(ConfigError, match="limits of its own") as caught:
        compare(world, "a", "b")
    assert "unequal_limits: true" in (caught.value.remedy or "")
    world.experiment("question: q\ntasks: [single]\nprofiles: [a, b]\nunequal_limits: true\nlimits: {failures: 9}\n")
    loaded = world.load()
    assert (loaded.limits_of("a").iterations, loaded.limits_of("a").failures) == (5, 9)
    assert loaded.limits_of("b") is loaded.limits
    assert set(loaded.unequal_limits) == {"a"}
    assert loaded.warnings == ("UNEQUAL LIMITS: those of a are not the experiment's",)


def test_a_profile_without_a_model_is_refused_where_it_stands(world: Any) -> None:
    world.write("experiments/profiles.yaml", "x: {model: box/t}\na: {agent: builtin, stages: {build: box/t}}\n")
    with pytest.raises(ConfigErrors) as caught:
        compare(world, "a")
    assert len(caught.value.problems) == 4
    assert all(
        "profiles.yaml:2" in str(problem) and "names no model" in str(problem) for problem in caught.value.problems
    )


def test_an_empty_profile_without_defaults_is_refused(world: Any) -> None:
    world.write("experiments/profiles.yaml", "a: {}\n")
    with pytest.raises(UsageError, match="names no model"):
        compare(world, "a")


def test_an_answer_as_large_as_the_window_is_refused(world: Any) -> None:
    world.write("experiments/profiles.yaml", "a: {model: box/t, context: 8k, output: 8k}\n")
    with pytest.raises(ConfigError, match="no room"):
        compare(world, "a")


def test_a_window_smaller_than_opencodes_first_prompt_is_warned_of(world: Any) -> None:
    world.write(
        "experiments/profiles.yaml", "a: {model: box/t, context: 4k}\nb: {model: box/t, context: 4k, agent: builtin}\n"
    )
    assert [w for w in compare(world, "a").warnings if "4000 tokens" in w]
    assert not compare(world, "b").warnings


def test_two_names_for_the_same_contender_are_warned_of(world: Any) -> None:
    world.write("experiments/profiles.yaml", "a: {model: box/t}\nb: {title: other, model: box/t}\nc: {model: box/u}\n")
    assert compare(world, "a", "b", "c").warnings == ("profiles 'a' and 'b' are the same contender under two names",)


def test_the_names_of_the_pseudo_profiles_are_taken(world: Any) -> None:
    world.write("experiments/profiles.yaml", "base: {model: box/t}\n")
    with pytest.raises(UsageError, match="'base': the name is taken"):
        compare(world, "base")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a:\n  modle: box/t\n", 2, "did you mean 'model'"),
        ("a:\n  model: box\n", 2, "<endpoint>/<model>"),
        ("a:\n  model: box/t\n  stages: {bild: box/t}\n", 3, "did you mean 'build'"),
        ("a:\n  model: box/t\n  context: lots\n", 3, "expected a number of tokens"),
        ("a:\n  model: box/t\n  sampling: {temprature: 1}\n", 3, "did you mean 'temperature'"),
        ("a:\n  model: box/t\n  sampling: {top_p: 2}\n", 3, "found 2"),
        ("a:\n  model: box/t\n  stages:\n    build: {modell: x}\n", 4, "did you mean 'model'"),
        ("a:\n", 1, "expected a map"),
        ("a/b: {model: box/t}\n", 1, "expected a name"),
        ("models: {tiny: {context: 8k}}\n", 1, "<endpoint>/<model>"),
        ("models: [x]\n", 1, "expected a map of names"),
        ("defaults: {agnet: x}\n", 1, "did you mean 'agent'"),
        ("- a\n", 1, "expected a map of names"),
    ],
)
def test_a_mistake_is_told_with_its_line(world: Any, text: str, line: int, said: str) -> None:
    world.write("experiments/profiles.yaml", text)
    with pytest.raises(ConfigError, match=said) as caught:
        compare(world, "a")
    assert caught.value.line == line
    assert caught.value.exit_code == 2


def test_a_null_takes_back_what_an_outer_layer_said(world: Any) -> None:
    world.write(
        "experiments/profiles.yaml",
        "p: {model: box/t, context: 16k, variant: Q4, sampling: {top_k: 3}, agent: builtin}\n",
    )
    world.write(
        "experiments/001-first/profiles.yaml", "p: {context: null, variant: ~, sampling: {top_k: null}, agent: null}\n"
    )
    loaded = compare(world, "p")
    stage = profile(loaded, "p").stages[Stage.PLAN]
    assert (stage.context, stage.variant, stage.sampling.top_k, stage.agent) == (None, None, None, "opencode")
    assert loaded.origins["profiles.p.plan.context"] == "001-first/profiles.yaml:1"


@pytest.mark.parametrize("key", ["model", "messages", "stream", "max_tokens", "temperature"])
def test_sampling_cannot_make_a_request_another_one(world: Any, key: str) -> None:
    world.write("experiments/profiles.yaml", f"a: {{model: box/t, sampling: {{extra: {{{key}: 1}}}}}}\n")
    with pytest.raises(ConfigError, match=f"sampling.extra: '{key}'"):
        compare(world, "a")


@pytest.mark.parametrize("name", ["opencode", "command"])
def test_a_described_agent_cannot_take_the_name_of_another(world: Any, name: str) -> None:
    world.write("experiments/agents.yaml", f"{name}: {{argv: [x]}}\n")
    with pytest.raises(ConfigError, match="there already"):
        world.load()
    (world.root / "agents.yaml").unlink()
    world.experiment(f"question: q\ntasks: [single]\nprofiles: [small]\nagents: {{{name}: {{argv: [x]}}}}\n")
    with pytest.raises(ConfigError, match="there already"):
        world.load()
