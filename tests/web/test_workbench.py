"""The workbench for a learner whose browser runs no scripts: forms, links, and pages that hold everything."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from app.db import session_of
from app.models import Attempt, HintShown, Learner, Origin, SolutionShown, WorkspaceFile
from app.services import attempts as journal
from app.services import starters, workbench
from graders.engine import evaluate
from graders.lessons import LESSONS
from tests.cases import EXERCISES, manifests, read
from tests.web.client import Client

HPA = (EXERCISES / "lesson-07-hpa" / "solution" / "hpa.yaml").read_text(encoding="utf-8")
WRONG = HPA.replace("maxReplicas: 20", "maxReplicas: 10")


def stored(app: FastAPI, name: str = "hpa.yaml") -> WorkspaceFile:
    with session_of(app.state.engine, writes=False) as session:
        return session.exec(select(WorkspaceFile).where(WorkspaceFile.name == name)).one()


def attempts(app: FastAPI) -> list[Attempt]:
    with session_of(app.state.engine, writes=False) as session:
        return list(session.exec(select(Attempt).order_by(Attempt.id)))  # type: ignore[arg-type] # a column, to SQLAlchemy


def words(page: str) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def text_field(page: str) -> str:
    found = re.search(r'<textarea id="content"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def begun(client: Client) -> Client:
    """A learner who has added the file of lesson 7."""
    assert client.send_form("/workbench/lesson-7/begin").status_code == 303
    return client


def check(client: Client, app: FastAPI, content: str, **more: object) -> str:
    """Press Check on `hpa.yaml`; gives the page that follows."""
    form = {"file": "hpa.yaml", "version": stored(app).version, "content": content, "do": "check", **more}
    answer = client.send_form("/workbench/lesson-7", form)
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["location"]).text


def test_workbench_leads_to_the_current_lesson(client: Client) -> None:
    answer = client.get("/workbench")
    assert (answer.status_code, answer.headers["location"]) == (303, "/workbench/lesson-0")


@pytest.mark.parametrize("lesson", [entry.id for entry in LESSONS])
def test_every_exercise_has_a_page_before_anything_is_written(client: Client, lesson: str) -> None:
    page = client.get(f"/workbench/{lesson}")
    assert page.status_code == 200
    entry = next(entry for entry in LESSONS if entry.id == lesson)
    for objective in entry.load().objectives:
        assert f'id="objective-{objective.id}"' in page.text
    assert "grade without -f" not in page.text
    assert "with another -f" not in page.text


def test_lesson_0_says_that_it_is_judged_on_a_cluster(client: Client) -> None:
    page = client.get("/workbench/lesson-0").text
    assert "Nothing of this lesson shows in files" in page
    assert '<textarea id="content"' not in page


def test_first_visit_offers_the_starter_and_adds_it_when_asked(client: Client) -> None:
    assert "This exercise begins with a file" in client.get("/workbench/lesson-7").text
    answer = client.send_form("/workbench/lesson-7/begin")
    assert answer.headers["location"] == "/workbench/lesson-7?file=hpa.yaml&added=hpa.yaml#editor"
    page = client.get("/workbench/lesson-7?file=hpa.yaml&added=hpa.yaml").text
    assert "Added to your workspace" in page
    assert "This exercise begins" not in page
    assert "kind: HorizontalPodAutoscaler" in text_field(page)


def test_a_file_of_the_learners_own_is_kept_and_the_page_says_so(client: Client, app: FastAPI) -> None:
    client.send_form("/workbench/lesson-2/begin")
    mine = stored(app, "pod.yaml").content
    answer = client.send_form("/workbench/lesson-3/begin")
    assert "kept=pod.yaml" in answer.headers["location"]
    assert stored(app, "pod.yaml").content == mine
    assert "Kept as you have it" in client.get(answer.headers["location"]).text
    client.send_form("/workbench/lesson-3/begin", {"beside": "pod.yaml"})
    assert stored(app, "pod-lesson-3.yaml").content == starters.starter("lesson-3", "rag-engine")["pod.yaml"]


def test_broken_workloads_stay_the_variants_that_were_drawn(client: Client, app: FastAPI) -> None:
    client.send_form("/workbench/lesson-14/begin")
    names = ("archive", "gateway", "indexer", "query-api", "report-worker", "search")
    first = {name: stored(app, f"{name}.yaml").content for name in names}
    for name in names:
        file = stored(app, f"{name}.yaml")
        form = {"file": file.name, "version": file.version, "content": "# mine", "do": "save"}
        assert client.send_form("/workbench/lesson-14", form).status_code == 303
        client.send_form("/workbench/lesson-14/reset", {"file": file.name, "version": stored(app, file.name).version})
    assert {name: stored(app, f"{name}.yaml").content for name in names} == first


def test_check_stores_judges_and_records(begun: Client, app: FastAPI) -> None:
    page = check(begun, app, WRONG)
    assert stored(app).content == WRONG
    assert [attempt.passed for attempt in attempts(app)] == [7]
    assert "Saved and checked." in page
    failed = words(page)
    assert "✗ failed It keeps between 3 and 20 replicas" in failed
    assert "7 of 8" in failed
    line = WRONG.split("\n").index("  maxReplicas: 10") + 1
    assert f'href="/workbench/lesson-7?file=hpa.yaml&amp;line={line}#near"' in page
    page = check(begun, app, HPA)
    assert "All 8 pass." in words(page)
    assert "The lesson is complete." in words(page)
    assert 'Next: <a href="/lessons/lesson-8">' in page


def test_what_passed_and_no_longer_does_is_told(begun: Client, app: FastAPI) -> None:
    check(begun, app, HPA)
    page = check(begun, app, WRONG)
    assert "It passed before, and no longer does." in words(page)
    assert "The lesson stays complete" in words(page)


def test_what_passed_elsewhere_is_not_said_to_be_lost(client: Client, app: FastAPI) -> None:
    solution = read(manifests(EXERCISES / "lesson-07-hpa" / "solution"))
    report = evaluate(next(entry for entry in LESSONS if entry.id == "lesson-7").load(), solution)
    with session_of(app.state.engine, writes=True) as session:
        journal.record(session, session.exec(select(Learner.id)).one() or 0, report, Origin.TERMINAL)
    client.send_form("/workbench/lesson-7/begin")
    page = words(client.get("/workbench/lesson-7").text)
    assert "no longer does" not in page
    assert "It has passed already, on your cluster or from your terminal, and counts. These files do not show it." in page
    assert "The lesson is complete, by what you did on your cluster or in your terminal" in page
    page = words(check(client, app, HPA))
    assert "passed already" not in page
    page = words(check(client, app, WRONG))
    assert page.count("It passed before, and no longer does.") == 1
    assert "The lesson stays complete" in page


def test_lines_of_a_browsers_form_are_stored_as_in_unix(begun: Client, app: FastAPI) -> None:
    check(begun, app, HPA.replace("\n", "\r\n"))
    assert stored(app).content == HPA


def test_a_line_that_is_linked_to_is_shown(begun: Client, app: FastAPI) -> None:
    check(begun, app, HPA)
    page = begun.get("/workbench/lesson-7?file=hpa.yaml&line=3").text
    near = re.search(r'<figure class="near.*?</figure>', page, re.DOTALL)
    assert near is not None
    assert '<li value="3" class="here"><code>metadata:</code>' in near[0]
    assert begun.get("/workbench/lesson-7?file=hpa.yaml&line=999999").status_code == 200


@pytest.mark.parametrize(
    ("text", "sign", "said"),
    [
        pytest.param("a: [", "✗ error", "hpa.yaml", id="not-yaml"),
        pytest.param("", "! note", "It holds no object", id="empty"),
        pytest.param("just words", "✗ error", "It is a single value", id="no-object"),
        pytest.param(HPA.replace("minReplicas", "minReplcas"), "✗ error", "Did you mean minReplicas ?", id="misspelt"),
    ],
)
def test_what_is_wrong_with_a_file_is_listed(begun: Client, app: FastAPI, text: str, sign: str, said: str) -> None:
    page = check(begun, app, text)
    listed = words(page[page.index('<section id="problems"') :])
    assert sign in listed
    assert said in listed


def test_hints_unlock_one_by_one(begun: Client, app: FastAPI, session: Session) -> None:
    objective = LESSONS[7].load().objectives[0]
    first, second = (re.split(r"[`{]", hint)[0].strip() or hint.split("`")[2].strip() for hint in objective.hints)
    assert first not in words(begun.get("/workbench/lesson-7").text)
    answer = begun.send_form("/workbench/lesson-7/hints", {"objective": objective.id, "number": 2})
    assert "Hint 1" not in begun.get("/workbench/lesson-7").text, "the second one comes after the first"
    answer = begun.send_form("/workbench/lesson-7/hints", {"objective": objective.id, "number": 1, "file": "hpa.yaml"})
    assert answer.headers["location"] == f"/workbench/lesson-7?file=hpa.yaml#objective-{objective.id}"
    page = words(begun.get("/workbench/lesson-7").text)
    assert first in page
    assert second not in page
    assert "(1 of 2 shown)" in page
    begun.send_form("/workbench/lesson-7/hints", {"objective": objective.id, "number": 1})
    begun.send_form("/workbench/lesson-7/hints", {"objective": objective.id, "number": 2})
    assert second in words(begun.get("/workbench/lesson-7").text)
    assert len(session.exec(select(HintShown)).all()) == 2


def test_hint_of_no_objective_is_not_there(begun: Client) -> None:
    assert begun.send_form("/workbench/lesson-7/hints", {"objective": "nonsense", "number": 1}).status_code == 404


def test_htmx_gets_the_one_objective_that_has_changed(begun: Client) -> None:
    objective = LESSONS[7].load().objectives[0].id
    answer = begun.send_form("/workbench/lesson-7/hints", {"objective": objective, "number": 1}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.text.strip().startswith(f'<li id="objective-{objective}"')
    assert "Hint 1 of 2" in answer.text


def test_solution_wants_to_be_asked_for(begun: Client, session: Session) -> None:
    assert "stabilizationWindowSeconds" not in begun.get("/workbench/lesson-7/solution").text
    answer = begun.send_form("/workbench/lesson-7/solution")
    assert "stabilizationWindowSeconds" in begun.get(answer.headers["location"]).text
    begun.send_form("/workbench/lesson-7/solution")
    assert [shown.earned for shown in session.exec(select(SolutionShown))] == [False]


def test_solution_is_earned_by_completing_the_lesson(begun: Client, app: FastAPI, session: Session) -> None:
    check(begun, app, HPA)
    assert "You have completed this lesson" in begun.get("/workbench/lesson-7/solution").text
    begun.send_form("/workbench/lesson-7/solution")
    assert [shown.earned for shown in session.exec(select(SolutionShown))] == [True]
    assert stored(app).content == HPA, "the learner's own files stay as they are"


def test_difference_to_the_starter(begun: Client, app: FastAPI) -> None:
    assert "exactly as the exercise gave it" in begun.get("/workbench/lesson-7/difference?file=hpa.yaml").text
    check(begun, app, HPA)
    one = begun.get("/workbench/lesson-7/difference?file=hpa.yaml").text
    assert "<ins><code>  minReplicas: 3</code></ins>" in one
    assert "<del><code>  minReplicas:</code></del>" in one
    two = begun.get("/workbench/lesson-7/difference?file=hpa.yaml&view=two").text
    assert "side by side" in two
    assert "<ins><code>  minReplicas: 3</code></ins>" in two
    assert begun.get("/workbench/lesson-7/difference?file=no.yaml").status_code == 404
    part = begun.get("/workbench/lesson-7/difference?file=hpa.yaml", headers={"HX-Request": "true"}).text
    assert part.strip().startswith('<section id="difference"')


def test_two_tabs_on_one_file_lose_nothing(begun: Client, app: FastAPI) -> None:
    seen = stored(app).version
    check(begun, app, "# the first tab's")
    answer = begun.send_form("/workbench/lesson-7", {"file": "hpa.yaml", "version": seen, "content": "# the second tab's", "do": "check"})
    assert answer.status_code == 409
    assert stored(app).content == "# the first tab's"
    mine = re.search(r'<textarea id="mine"[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL)
    theirs = re.search(r'<textarea id="theirs"[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL)
    assert mine is not None
    assert theirs is not None
    assert (mine[1], theirs[1]) == ("# the second tab&#39;s", "# the first tab&#39;s")
    version = re.search(r'name="version" value="(\d+)"', answer.text)
    assert version is not None
    form = {"file": "hpa.yaml", "version": version[1], "content": "# the second tab's", "do": "save"}
    assert begun.send_form("/workbench/lesson-7", form).status_code == 303
    assert stored(app).content == "# the second tab's"


def test_a_file_deleted_in_another_tab_can_be_made_again(begun: Client, app: FastAPI) -> None:
    version = stored(app).version
    begun.send_form("/workbench/lesson-7/delete", {"file": "hpa.yaml", "version": version})
    answer = begun.send_form("/workbench/lesson-7", {"file": "hpa.yaml", "version": version, "content": "# mine", "do": "save"})
    assert answer.status_code == 409
    assert "# mine" in answer.text
    assert begun.send_form("/workbench/lesson-7/new", {"name": "hpa.yaml", "content": "# mine"}).status_code == 303
    assert stored(app).content == "# mine"


def test_a_file_made_anew_is_not_taken_for_the_old_one(begun: Client, app: FastAPI) -> None:
    version = stored(app).version
    begun.send_form("/workbench/lesson-7/delete", {"file": "hpa.yaml", "version": version})
    begun.send_form("/workbench/lesson-7/new", {"name": "hpa.yaml", "content": "# new"})
    answer = begun.send_form("/workbench/lesson-7", {"file": "hpa.yaml", "version": version, "content": "# old", "do": "save"})
    assert answer.status_code == 409
    assert stored(app).content == "# new"


JSON = {"Accept": "application/json"}


def preview(client: Client, app: FastAPI, content: str) -> dict[str, object]:
    form = {"file": "hpa.yaml", "version": stored(app).version, "content": content, "do": "preview"}
    answer = client.send_form("/workbench/lesson-7", form, headers=JSON)
    assert answer.status_code == 200
    data: dict[str, object] = answer.json()
    return data


def test_preview_stores_the_text_and_records_only_what_is_new(begun: Client, app: FastAPI) -> None:
    data = preview(begun, app, "a: 1")
    assert stored(app).content == "a: 1"
    assert data["version"] == stored(app).version
    assert attempts(app) == []
    data = preview(begun, app, WRONG)
    assert (data["passed"], data["counted"], data["complete"]) == (7, 8, False)
    assert len(attempts(app)) == 1, "seven objectives were seen to pass"
    preview(begun, app, WRONG + "# more\n")
    assert len(attempts(app)) == 1
    preview(begun, app, HPA)
    assert len(attempts(app)) == 2


def test_preview_records_the_moment_when_all_pass_together(begun: Client, app: FastAPI) -> None:
    preview(begun, app, WRONG)
    preview(begun, app, HPA.replace("minReplicas: 3", "minReplicas: 1").replace("averageUtilization: 70", "averageUtilization: 7"))
    preview(begun, app, HPA.replace("averageUtilization: 70", "averageUtilization: 7"))
    assert not any(attempt.complete for attempt in attempts(app))
    preview(begun, app, HPA)
    assert attempts(app)[-1].complete


def test_problems_carry_lines_and_certain_corrections(begun: Client, app: FastAPI) -> None:
    data = preview(begun, app, HPA.replace("maxReplicas", "maxReplcas"))
    problems = data["problems"]
    assert isinstance(problems, list)
    assert problems[0]["suggestion"] == {"written": "maxReplcas", "instead": "maxReplicas"}
    assert HPA.split("\n")[problems[0]["line"] - 1].startswith("  maxReplicas")


def test_conflict_as_data_holds_the_other_text(begun: Client, app: FastAPI) -> None:
    form = {"file": "hpa.yaml", "version": 0, "content": "# mine", "do": "preview"}
    answer = begun.send_form("/workbench/lesson-7", form, headers=JSON)
    assert answer.status_code == 409
    assert answer.json()["conflict"]["theirs"] == {"content": stored(app).content, "version": stored(app).version}


def test_the_same_text_is_no_conflict(begun: Client, app: FastAPI) -> None:
    form = {"file": "hpa.yaml", "version": 0, "content": stored(app).content, "do": "preview"}
    assert begun.send_form("/workbench/lesson-7", form, headers=JSON).status_code == 200


def test_a_page_that_was_away_asks_for_the_newest_text(begun: Client, app: FastAPI) -> None:
    version = stored(app).version
    assert begun.get(f"/api/workspace/hpa.yaml?seen={version}").json() == {"version": version}
    assert begun.get("/api/workspace/hpa.yaml?seen=0").json()["content"] == stored(app).content
    assert begun.get("/api/workspace/no.yaml").status_code == 404


HOSTILE = {
    "deep": "[" * 200_000,
    "laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghij")),
    "documents": "---\na: 1\n" * 90_000,
    "one-long-line": "a: " + "x" * 990_000,
    "twice-as-long-in-a-form": "a: " + "ü" * 450_000,
    "tabs": "a:\n\tb: 1\n",
    "controls": "a: \x01\x7f\u2028\ufeff\n",
    "monotonous": "a\nb\n" * 900,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_stored_and_refused_by_the_grader_alone(begun: Client, app: FastAPI, name: str) -> None:
    began = time.monotonic()
    page = check(begun, app, HOSTILE[name])
    assert stored(app).content == HOSTILE[name]
    assert "remark" in words(page[page.index('id="problems"') :])
    assert begun.get("/workbench/lesson-7/difference?file=hpa.yaml").status_code == 200
    form = {"file": "hpa.yaml", "version": 0, "content": "b\na\n" * 950, "do": "save"}
    assert begun.send_form("/workbench/lesson-7", form).status_code == 409
    assert time.monotonic() - began < 30, "a bomb would take for ever"


MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(MARKUP, id="plain"),
        pytest.param("</textarea>" + MARKUP, id="ends-the-text-field"),
        pytest.param("</script><script>alert(1)</script>: x", id="ends-the-data"),
        pytest.param(f"apiVersion: v1\nkind: '{MARKUP}'\nmetadata: {{name: '{MARKUP}'}}", id="kind"),
        pytest.param(
            f"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: rag-engine-api-hpa\n"
            f"spec:\n  maxReplicas: '{MARKUP}'\n  '{MARKUP}': 1",
            id="field-and-value",
        ),
    ],
)
def test_nothing_that_is_written_becomes_markup(begun: Client, app: FastAPI, content: str) -> None:
    page = check(begun, app, content)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    data = preview(begun, app, content + "\n")
    assert "<img" not in str(data["objectives"]) + str(data["problems_list"])
    assert "<script>alert" not in begun.get("/workbench/lesson-7/difference?file=hpa.yaml").text
    form = {"file": "hpa.yaml", "version": 0, "content": "# other", "do": "save"}
    assert "<script>alert" not in begun.send_form("/workbench/lesson-7", form).text
    assert "<script>" not in begun.get("/workbench/lesson-7", params={"file": MARKUP, "added": MARKUP, "kept": MARKUP}).text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
def test_no_text_breaks_the_page(begun: Client, app: FastAPI, text: str) -> None:
    form = {"file": "hpa.yaml", "version": stored(app).version, "content": text, "do": "check"}
    answer = begun.send_form("/workbench/lesson-7", form)
    assert answer.status_code == (400 if "\0" in text else 303)
    assert begun.get("/workbench/lesson-7?file=hpa.yaml&line=2").status_code == 200


@pytest.mark.parametrize("lesson", [entry.id for entry in LESSONS if entry.id != "lesson-0"])
def test_the_solution_of_each_lesson_completes_it_here(client: Client, lesson: str) -> None:
    texts = [(name, text) for name, text in starters.solution(lesson, "rag-engine").items()]
    entry = next(entry for entry in LESSONS if entry.id == lesson)
    report = workbench.judge(entry.load(), texts, "rag-engine")
    assert report.complete, [(result.objective.id, result.verdict) for result in report.results if result.open]


def test_reading_each_file_once_gives_the_same_report_as_reading_all(tmp_path: Path) -> None:
    texts = list(starters.solution("lesson-15", "rag-engine").items())
    lesson = LESSONS[15].load()
    from graders.engine import evaluate
    from graders.sources.manifests import read_texts

    once = workbench.judge(lesson, texts, "rag-engine")
    again = workbench.judge(lesson, texts, "rag-engine")
    whole = evaluate(lesson, read_texts([(name, text.encode()) for name, text in texts], namespace="rag-engine", taken_at=once.graded_at))
    assert [result.verdict for result in once.results] == [result.verdict for result in whole.results]
    assert [result.verdict for result in again.results] == [result.verdict for result in whole.results]
    assert once.problems == whole.problems
    assert once.source == whole.source
