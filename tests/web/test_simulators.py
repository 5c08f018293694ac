"""The simulators: what they play is what Kubernetes does, every field is judged beside itself, and the address is all there is to a run."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from itertools import pairwise
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, Route, expect

from app.services import simulated_drain, simulated_hpa, simulators
from app.services.content import course_folder
from app.services.simulated_hpa import Setup
from graders.semantics.autoscaler import UNWRITTEN, Bound
from tests.web.client import Client

LESSON = {"load": "own", "points": "0:150, 1:150, 1:1400, 6:1400, 6:150, 25:150", "ready": "0"}
SOLUTION = (course_folder("exercises") / "lesson-07-hpa" / "solution" / "hpa.yaml").read_text()
NOTHING = "Nothing is played"


def hpa_run(**given: str) -> simulated_hpa.Run:
    """What comes of the fields of the autoscaler."""
    setup, fields = simulated_hpa.read(given)
    assert setup is not None, fields.faults
    return simulated_hpa.run(setup)


def sizes(run: simulated_hpa.Run) -> list[int]:
    """The counts, one after the other, each once."""
    found = [run.moments[0].replicas]
    for moment in run.moments:
        if moment.replicas != found[-1]:
            found.append(moment.replicas)
    return found


# The autoscaler


def test_the_lessons_own_curve() -> None:
    run = hpa_run(**LESSON)
    assert sizes(run) == [3, 6, 12, 20, 18, 16, 14, 12, 10, 9, 8, 7, 6, 5, 4, 3]
    assert [stretch.bound for stretch in run.stretches] == [
        *(Bound.UP_WINDOW, Bound.UP_POLICY, Bound.DOWN_WINDOW, Bound.DOWN_POLICY),
    ]
    assert [stretch.begin for stretch in run.stretches] == [60, 105, 360, 645]


def test_the_lessons_picture_shows_that_curve() -> None:
    moments = hpa_run(**LESSON).moments
    changes = [after for before, after in pairwise(moments) if after.replicas != before.replicas]
    steps = " ".join(f"H{64 + 27 * moment.at / 60:g} V{270 - 11 * moment.replicas}" for moment in changes)
    picture = (course_folder("lessons") / "diagrams" / "hpa-replicas.svg").read_text(encoding="utf-8")
    assert f'<path class="d-plot" d="M64 237 {steps} H712"/>' in picture


def test_kubernetes_defaults_remove_all_at_once() -> None:
    assert sizes(hpa_run(**LESSON, rules="defaults")) == [3, 6, 12, 20, 3]


def test_own_rules_left_empty_are_those_of_an_empty_behavior() -> None:
    assert sizes(hpa_run(**LESSON, rules="own")) == [3, 7, 14, 20, 3]


def test_a_pasted_manifest_gives_bounds_target_and_behavior() -> None:
    run = hpa_run(**LESSON, rules="manifest", manifest=SOLUTION, min="7", max="8", target="5")
    assert (run.setup.fewest, run.setup.most, run.setup.target) == (3, 20, 70)
    assert run.setup.behavior == simulated_hpa.GUIDE
    assert run.decisions == hpa_run(**LESSON).decisions


@pytest.mark.parametrize(
    ("behavior", "reached"),
    [
        pytest.param("", [3, 6, 12, 20, 3], id="none: a sync may double, or reach four"),
        pytest.param("  behavior:\n", [3, 6, 12, 20, 3], id="null is none"),
        pytest.param("  behavior: {}\n", [3, 7, 14, 20, 3], id="empty: the API server fills in both directions"),
        pytest.param("  behavior: {scaleDown: {}}\n", [3, 7, 14, 20, 3], id="one direction: it fills in the other"),
    ],
)
def test_a_pasted_manifest_without_policies(behavior: str, reached: list[int]) -> None:
    manifest = SOLUTION.partition("  # Grow fast")[0] + behavior
    assert sizes(hpa_run(**LESSON, rules="manifest", manifest=manifest)) == reached


def test_a_pasted_manifest_may_be_of_another_version_or_tolerate_less() -> None:
    v1 = "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: a, namespace: other}\nspec:\n"
    v1 += "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}\n  maxReplicas: 9\n  targetCPUUtilizationPercentage: 60\n"
    run = hpa_run(rules="manifest", manifest=v1)
    assert (run.setup.fewest, run.setup.most, run.setup.target, run.setup.behavior) == (1, 9, 60, UNWRITTEN)
    strict = pasted("selectPolicy: Max", 'tolerance: "0.02"')
    assert sizes(hpa_run(load="own", points="0:230, 5:230", **strict)) == [3, 4]


def test_the_numbers_that_matter() -> None:
    run = hpa_run(load="own", points="0:100, 2:100, 2:500, 4:500", rules="defaults", target="100", min="1", start="1", ready="10", max="4")
    assert sizes(run) == [1, 4]
    assert run.shortage == (4, 120)
    assert run.overloaded == 120  # five Pods would carry it
    assert run.behind == 120
    assert run.pod_minutes == 2 * 1 + 2 * 4
    assert run.needed_minutes == 2 * 1 + 2 * 4
    assert run.changes == 1


def test_new_pods_help_when_they_are_ready() -> None:
    run = hpa_run(load="own", points="0:100, 2:100, 2:300, 4:300", rules="defaults", target="100", min="1", start="1", ready="45")
    assert [(moment.replicas, moment.ready) for moment in run.moments if moment.at in (115, 120, 160, 165)] == [
        (1, 1),
        (3, 1),
        (3, 1),
        (3, 3),
    ]
    assert run.overloaded == 45


def test_a_use_close_to_the_target_moves_nothing_and_says_so() -> None:
    run = hpa_run(load="own", points="0:230, 5:230")
    assert sizes(run) == [3]
    assert {stretch.bound for stretch in run.stretches} == {Bound.TOLERANCE}


@pytest.mark.parametrize("load", simulated_hpa.LOADS)
@pytest.mark.parametrize("rules", ["guide", "defaults"])
def test_each_load_has_something_to_show(load: str, rules: str) -> None:
    run = hpa_run(load=load, rules=rules)
    assert run.changes >= 2
    assert len({stretch.bound for stretch in run.stretches}) >= 2
    assert 20 * 60 <= run.setup.seconds <= simulated_hpa.LONGEST * 60
    assert all(simulated_hpa.reason(run.setup, stretch).endswith(".") for stretch in run.stretches)


def pasted(old: str, new: str) -> dict[str, str]:
    """The exercise's solution with something else in it."""
    manifest = SOLUTION.replace("    scaleUp:\n", "    scaleUp:\n      selectPolicy: Max\n")
    assert old in manifest
    return {"rules": "manifest", "manifest": manifest.replace(old, new)}


HPA_FAULTS: Mapping[str, tuple[dict[str, str], str, str]] = {
    "no number": ({"min": "x"}, "min", "A whole number from 1 to 100; found “x”."),
    "empty": ({"target": ""}, "target", "the field is empty"),
    "below": ({"min": "0"}, "min", "from 1 to 100"),
    "beyond": ({"max": "101"}, "max", "from 1 to 100; found “101”"),
    "a fraction": ({"carry": "1.5"}, "carry", "A whole number"),
    "other digits": ({"start": "٣"}, "start", "A whole number"),
    "huge": ({"ready": "9" * 50}, "ready", "from 0 to 600 seconds"),
    "bounds crossed": ({"min": "9", "max": "8"}, "max", "At least the minimum, which is 9; found “8”."),
    "no such rules": ({"rules": "best"}, "rules", "One of guide, defaults, own, manifest"),
    "no such load": ({"load": "x"}, "load", "One of rush"),
    "no points": ({"load": "own"}, "points", "At least two points"),
    "one point": ({"load": "own", "points": "0:1"}, "points", "At least two points"),
    "no time": ({"load": "own", "points": "0:1, 0:2"}, "points", "minute 1 or later"),
    "no point": ({"load": "own", "points": "0:1, 5"}, "points", "such as 8:1200, with commas between them; found “5”."),
    "backwards": ({"load": "own", "points": "0:1, 9:1, 5:1"}, "points", "“5:1” is before minute 9."),
    "too long": ({"load": "own", "points": "0:1, 181:1"}, "points", "The last minute may be 180"),
    "too much": ({"load": "own", "points": "0:1, 9:9999999"}, "points", "up to 1000000"),
    "too many": ({"load": "own", "points": ",".join(f"{n}:1" for n in range(70))}, "points", "At most 60 points; found 70."),
    "endless text": ({"load": "own", "points": "0:1 " * 900}, "points", "At most 1000 characters"),
    "policy of nothing": ({"rules": "own", "up1_value": "0"}, "up1_value", "A whole number above 0; found 0."),
    "policy in words": ({"rules": "own", "down2_value": "ten"}, "down2_value", "A whole number above 0; found “ten”, a string."),
    "long period": ({"rules": "own", "up2_value": "5", "up2_period": "1801"}, "up2_period", "from 1 to 1800; found 1801."),
    "no such type": ({"rules": "own", "up1_value": "5", "up1_type": "Nodes"}, "up1_type", "One of Percent, Pods"),
    "long window": ({"rules": "own", "down_window": "3601"}, "down_window", "A whole number from 0 to 3600; found 3601."),
    "no such selection": ({"rules": "own", "up_select": "Most"}, "up_select", "One of Max"),
    "no manifest": ({"rules": "manifest"}, "manifest", "Paste the manifest"),
    "not YAML": ({"rules": "manifest", "manifest": "a: [\n"}, "manifest", "Line 2: A value is missing"),
    "another kind": (
        {"rules": "manifest", "manifest": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"},
        "manifest",
        "There is no HorizontalPodAutoscaler in it.",
    ),
    "refused by the API server": (pasted("maxReplicas: 20", "maxReplicas: 2"), "manifest", "Line 14: "),
    "a slip in a field's name": (pasted("selectPolicy", "selectPolice"), "manifest", "selectPolice"),
    "a period of nothing": (pasted("periodSeconds: 60", "periodSeconds: 0"), "manifest", "periodSeconds"),
    "larger than is played": (pasted("maxReplicas: 20", "maxReplicas: 500"), "manifest", "3 and 500"),
}  # fmt: skip


@pytest.mark.parametrize(("query", "field", "sentence"), HPA_FAULTS.values(), ids=HPA_FAULTS)
def test_what_the_autoscaler_cannot_play_is_said_beside_the_field(client: Client, query: dict[str, str], field: str, sentence: str) -> None:
    page = client.get("/simulators/hpa", params=query)
    assert page.status_code == 200
    assert NOTHING in page.text
    assert sentence in beside(page.text)[field]
    assert [name for name, words in beside(page.text).items() if words] == [field]


def beside(html: str) -> dict[str, str]:
    """What stands beside each field."""
    found = re.findall(r'<p class="field-fault" id="fault-([\w]+)"[^>]*>([^<]*)</p>', html)
    return {name: words.replace("&#34;", '"') for name, words in found}


def test_a_fault_in_fields_that_do_not_count_stops_nothing(client: Client) -> None:
    page = client.get("/simulators/hpa", params={"up1_value": "x", "points": "?", "manifest": "a: ["})
    assert NOTHING not in page.text


@pytest.mark.parametrize("path", ["/simulators/hpa", "/simulators/disruption"])
def test_htmx_gets_the_outcome_and_what_is_wrong_with_each_field_of_the_form(client: Client, path: str) -> None:
    whole, part = client.get(path), client.get(path, params={"ready": "x"}, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert part.text.count('id="outcome"') == 1
    assert set(beside(part.text)) == set(beside(whole.text))
    assert part.text.count("hx-swap-oob") == len(beside(part.text))
    assert "A whole number" in beside(part.text)["ready"]


@pytest.mark.parametrize("path", ["/simulators", "/simulators/hpa?compare=1", "/simulators/disruption?nodes=6&replicas=20"])
def test_pages_need_no_styles_of_their_own_and_no_script(client: Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert not re.search(r"\sstyle=|\son\w+=|<style", page.text)
    ids = re.findall(r'\sid="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))


def test_the_form_keeps_what_was_typed(client: Client) -> None:
    page = client.get("/simulators/hpa", params={"points": '0:1"><script>', "manifest": "</textarea><b>", "max": "17", "compare": "1"})
    assert 'value="17"' in page.text
    assert " checked" in page.text
    assert "<script>" not in page.text
    assert "<b>" not in page.text


@pytest.mark.parametrize("lesson", ["lesson-7", "lesson-8"])
def test_lessons_lead_to_runs_that_are_played(client: Client, lesson: str) -> None:
    links = re.findall(r'href="(/simulators/[^"]+)"', client.get(f"/lessons/{lesson}").text)
    assert links
    for link in links:
        page = client.get(link.replace("&amp;", "&"))
        assert page.status_code == 200
        assert NOTHING not in page.text


ODD = st.one_of(st.text(max_size=8), st.sampled_from(["", "0", "1", "3", "100%", "-1", "1e9", "own", "manifest", "\0", "0:1 2:3", "²"]))


@given(st.dictionaries(st.sampled_from([*simulators.LABELS, "compare", "step"]), ODD))
def test_no_address_breaks_the_autoscaler(given: dict[str, str]) -> None:
    shown = simulators.hpa(given)
    assert (shown["run"] is None) == bool(shown["faults"])


@given(
    st.builds(
        Setup,
        *(st.integers(1, 100), st.just(100), st.integers(1, 1000), st.integers(1, 5000), st.integers(1, 100), st.integers(0, 600)),
        st.lists(st.tuples(st.floats(0, 40), st.integers(0, 10**6)), min_size=2, max_size=8)
        .map(lambda points: tuple(simulated_hpa.Point(round(minute, 2), load) for minute, load in sorted(points)))
        .filter(lambda points: points[-1].minute >= 1),
        st.sampled_from([simulated_hpa.GUIDE, UNWRITTEN]),
    )
)
@settings(max_examples=40, deadline=None)
def test_every_load_is_played_within_the_bounds(setup: Setup) -> None:
    run = simulated_hpa.run(setup)
    for moment in run.moments:
        assert setup.fewest <= moment.replicas <= setup.most
        assert 1 <= moment.ready <= moment.replicas
        assert moment.load >= 0
    assert run.overloaded <= setup.seconds


# The drains


def drain_run(**given: str) -> simulated_drain.Run:
    """What comes of the fields of the drains."""
    setup, fields = simulated_drain.read(given)
    assert setup is not None, fields.faults
    return simulated_drain.run(setup)


def told(run: simulated_drain.Run) -> list[str]:
    return [f"{step.at} {step.kind}" for step in run.steps]


def test_a_crowd_on_one_node_leaves_one_by_one() -> None:
    run = drain_run(place="one", order="1")
    assert told(run) == [
        *("0 begins", "0 granted", "0 refused", "20 ready", "20 granted", "20 refused", "40 ready", "40 granted", "40 drained"),
    ]
    assert run.steps[1].words == "a may go: 3 healthy − 2 that must stay = 1. Its replacement a2 starts on node 2."
    assert run.steps[2].words == "b and c must stay: 2 healthy − 2 that must stay = 0, so none may leave."
    assert run.fewest_healthy == 2


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"value": "3"}, "All 3 Pods are healthy and 3 must stay, so none may ever leave", id="keeps all there is"),
        pytest.param({"value": "100%"}, "All 3 Pods are healthy and 3 must stay", id="keeps all, as a share"),
        pytest.param({"budget": "maxUnavailable", "value": "0"}, "3 must stay", id="nobody may be missing"),
        pytest.param({"value": "4"}, "4 must stay", id="more than there are"),
        pytest.param({"nodes": "1"}, "a2 would help, but no node takes Pods", id="nowhere to go"),
        pytest.param({"after": "gone"}, "no node takes Pods", id="nodes stay away"),
        pytest.param({"broken": "2"}, "b and c never become ready", id="broken Pods are protected"),
    ],
)
def test_drains_that_get_stuck_say_why(given: dict[str, str], why: str) -> None:
    run = drain_run(**given)
    assert run.stuck
    assert why in run.steps[-1].words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"replicas": "7", "value": "50%"}, "50 % of 7 is 3.5, rounded up 4. 4 of 7 must stay healthy.", id="share that stays"),
        pytest.param(
            {"replicas": "7", "budget": "maxUnavailable", "value": "30%"},
            "30 % of 7 is 2.1, rounded up 3. 3 of 7 may be missing, so 4 must stay healthy.",
            id="share that may go",
        ),
        pytest.param({"value": "2"}, "`minAvailable: 2`: 2 of 3 must stay healthy.", id="number"),
        pytest.param({"budget": "none", "value": "?"}, "No budget selects the Pods", id="none"),
    ],
)
def test_the_budget_is_told_as_a_sum(given: dict[str, str], words: str) -> None:
    assert words in drain_run(**given).setup.budget_in_words


def test_pods_that_are_not_ready_may_go_when_the_policy_says_so() -> None:
    assert drain_run(broken="3", order="1").stuck
    assert not drain_run(broken="3", order="1", unhealthy="AlwaysAllow").stuck
    assert not drain_run(broken="1", order="3").stuck, "two are healthy, and two must be"


def test_without_a_budget_everybody_may_be_away_at_once() -> None:
    run = drain_run(budget="none")
    assert run.fewest_healthy == 0
    assert run.count("refused") == 0


def test_a_drain_asks_again_every_five_seconds() -> None:
    run = drain_run(place="one", order="1", ready="7", replicas="2", value="1")
    assert told(run) == ["0 begins", "0 granted", "0 refused", "7 ready", "10 granted", "10 drained"]


DRAIN_FAULTS: Mapping[str, tuple[dict[str, str], str, str]] = {
    "too many Pods": ({"replicas": "21"}, "replicas", "from 1 to 20"),
    "no nodes": ({"nodes": "0"}, "nodes", "from 1 to 6"),
    "share too large": ({"value": "101%"}, "value", "a percentage up to 100 such as 50%; found “101%”."),
    "no value": ({"value": ""}, "value", "the field is empty"),
    "a sign": ({"value": "-1"}, "value", "found “-1”"),
    "no such budget": ({"budget": "some"}, "budget", "One of minAvailable"),
    "no such node": ({"order": "1, 4"}, "order", "Numbers of nodes from 1 to 3, with commas between them; found “4”."),
    "a name": ({"order": "worker"}, "order", "found “worker”"),
    "too many drains": ({"order": "1 2 3 " * 5}, "order", "At most 12 drains; found 15."),
    "too slow": ({"ready": "601"}, "ready", "from 0 to 600 seconds"),
    "more broken than there are": ({"broken": "4"}, "broken", "At most all 3 Pods; found “4”."),
}


@pytest.mark.parametrize(("query", "field", "sentence"), DRAIN_FAULTS.values(), ids=DRAIN_FAULTS)
def test_what_a_drain_cannot_play_is_said_beside_the_field(client: Client, query: dict[str, str], field: str, sentence: str) -> None:
    page = client.get("/simulators/disruption", params=query)
    assert page.status_code == 200
    assert NOTHING in page.text
    assert sentence in beside(page.text)[field]


@given(st.dictionaries(st.sampled_from([*simulators.DRAIN_LABELS, "step"]), ODD))
def test_no_address_breaks_the_drains(given: dict[str, str]) -> None:
    shown = simulators.disruption(given)
    assert (shown["run"] is None) == bool(shown["faults"])


@given(
    replicas=st.integers(1, 20),
    budget=st.sampled_from(["minAvailable", "maxUnavailable"]),
    value=st.integers(0, 22).map(str) | st.integers(0, 100).map("{}%".format),
    nodes=st.integers(1, 6),
    place=st.sampled_from(["spread", "one"]),
    order=st.lists(st.integers(1, 6), max_size=12),
    ready=st.sampled_from(["0", "3", "20", "600"]),
    after=st.sampled_from(["back", "gone"]),
    broken=st.integers(0, 20),
    unhealthy=st.sampled_from(["IfHealthyBudget", "AlwaysAllow"]),
)
def test_drains_come_to_an_end_and_keep_the_budget(
    replicas: int, budget: str, value: str, nodes: int, place: str, order: list[int], ready: str, after: str, broken: int, unhealthy: str
) -> None:
    wanted = " ".join(str((node - 1) % nodes + 1) for node in order)
    numbers = {"replicas": str(replicas), "nodes": str(nodes), "broken": str(min(broken, replicas))}
    run = drain_run(budget=budget, value=value, place=place, order=wanted, ready=ready, after=after, unhealthy=unhealthy, **numbers)
    desired = run.setup.desired
    assert desired is not None
    assert len(run.steps) < 1_000
    assert all(len(step.pods) == replicas for step in run.steps)
    assert run.fewest_healthy >= min(desired, run.steps[0].healthy), "no eviction goes below what must stay"
    assert run.steps[-1].kind in ("drained", "stuck")
    assert [step.at for step in run.steps] == sorted(step.at for step in run.steps)
    if not run.stuck and after == "gone":
        assert all(pod.node != run.setup.order[-1] for pod in run.steps[-1].pods)


def test_each_step_has_an_address_that_keeps_the_rest(client: Client) -> None:
    page = client.get("/simulators/disruption", params={"replicas": "5", "value": "50%", "step": "2", "stray": "x"})
    assert "Step 2 of" in page.text
    found = re.search(r'id="step-on" href="([^"]+)"', page.text)
    assert found
    assert found[1].replace("&amp;", "&") == f"/simulators/disruption?{urlencode({'replicas': '5', 'value': '50%', 'step': 3})}"
    assert "Step 3 of" in client.get(found[1].replace("&amp;", "&")).text


@pytest.mark.parametrize("step", ["0", "-1", "9999", "x", "²", "9" * 40])
def test_a_step_that_there_is_not_is_the_nearest_there_is(client: Client, step: str) -> None:
    assert re.search(r"Step \d+ of \d+", client.get("/simulators/disruption", params={"step": step}).text)


# In a browser


@pytest.mark.browser
def test_a_change_redraws_and_leaves_the_form_alone(page: Page, server: str) -> None:
    page.goto(f"{server}/simulators/hpa")
    page.get_by_label("maxReplicas").fill("12")
    expect(page.get_by_text("`maxReplicas`").or_(page.get_by_text("is 12."))).to_be_visible()
    expect(page.get_by_label("maxReplicas")).to_be_focused()
    expect(page).to_have_url(re.compile(r"max=12"))
    page.get_by_label("maxReplicas").fill("2")
    expect(page.locator("#fault-max")).to_have_text("At least the minimum, which is 3; found “2”.")
    expect(page.get_by_role("heading", name=NOTHING)).to_be_visible()
    page.get_by_label("minReplicas").fill("1")
    expect(page.locator("#fault-max")).to_have_text("")
    page.reload()
    expect(page.get_by_label("maxReplicas")).to_have_value("2")


@pytest.mark.browser
def test_an_answer_that_comes_late_is_dropped(page: Page, server: str) -> None:
    def late(route: Route) -> None:
        time.sleep(0.8)
        route.continue_()

    page.goto(f"{server}/simulators/hpa?load=batch")
    page.route(re.compile(r"max=11\b"), late)
    page.get_by_label("maxReplicas").fill("11")
    page.wait_for_timeout(400)
    page.get_by_label("maxReplicas").fill("13")
    expect(page.get_by_text("is 13.")).to_be_visible()
    page.wait_for_timeout(1_000)
    expect(page.get_by_text("is 13.")).to_be_visible()


@pytest.mark.browser
def test_steps_are_walked_by_keyboard(page: Page, server: str) -> None:
    page.goto(f"{server}/simulators/disruption?place=one")
    page.get_by_role("link", name="Next step").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Granted.")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Refused.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"step=3"))
    page.get_by_role("link", name="Show step 1", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Begins.")).to_be_visible()


@pytest.mark.browser
def test_all_of_it_works_without_javascript(browser: Browser, server: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{server}/simulators")
        page.get_by_role("link", name="Drains against a budget").click()
        page.get_by_label("Its number or share").fill("3")
        page.get_by_role("button", name="Play").click()
        expect(page.get_by_text("The drains get stuck.")).to_be_visible()
        page.get_by_role("link", name="Next step").click()
        expect(page.get_by_text("Step 2 of 3")).to_be_visible()
        page.goto(f"{server}/simulators/hpa")
        page.get_by_label("How fast it may change").select_option("manifest")
        page.get_by_text("A manifest of mine").click()
        page.get_by_role("textbox", name="HorizontalPodAutoscaler").fill(SOLUTION)
        page.get_by_role("button", name="Play").click()
        expect(page.get_by_role("img", name="Replicas over time")).to_be_visible()
