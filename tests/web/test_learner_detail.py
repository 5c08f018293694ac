"""One learner and one attempt as an instructor sees them: evidence, changes, files, and nothing that is nobody else's business."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm.attributes import flag_modified

from app.db import session_of
from app.models import Attempt, Origin, Role, WorkspaceFile
from app.services.content import exercises
from app.services.masked_files import masked, readable
from tests.web.board_data import Class, a_class, all_of, board_objective, tried
from tests.web.classroom import Classroom
from tests.web.test_pages import words

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def taught(classroom: Classroom) -> Class:
    """A cohort, and another one, on each database."""
    return a_class(classroom)


def test_what_a_report_quotes_is_never_markup_and_names_no_folder(taught: Class) -> None:
    attempt = tried(taught.classroom, taught.ada, "lesson-1", 1)
    with session_of(taught.classroom.app.state.engine, writes=True) as session:
        held = session.get(Attempt, attempt)
        assert held is not None
        report = {**held.report}
        for each in report["objectives"]:
            if each["evidence"]:
                each["evidence"] = {**each["evidence"], "found": "`<img src=x>`", "file": "/home/ada/private folder/deployment.yaml"}
        report["source"] = {**report["source"], "context": "ada@her-employer", "files": ["/home/ada/private folder/deployment.yaml"]}
        held.report = {**report}
        flag_modified(held, "report")
    page = taught.get(f"learners/{taught.ada.id}/attempts/{attempt}")
    assert "&lt;img src=x&gt;" in page
    assert "deployment.yaml:8" in page
    assert "private folder" not in page
    assert "her-employer" not in page


def test_one_learner_lesson_by_lesson(taught: Class) -> None:
    attempt = tried(taught.classroom, taught.ada, "lesson-1", 2, 3, origin=Origin.SUBMITTED)
    tried(taught.classroom, taught.ada, "lesson-2", all_of("lesson-2"), 2)
    page = taught.get(f"learners/{taught.ada.id}")
    text = words(page)
    assert "ada@example.org" in text
    assert f"{2 + all_of('lesson-2')} of" in text
    assert "reported by the learner" in text
    assert f'href="/cohorts/{taught.cohort}/learners/{taught.ada.id}/attempts/{attempt}"' in page
    assert f'action="/cohorts/{taught.cohort}/learners/{taught.ada.id}/comments"' in page


def test_an_attempt_with_its_evidence_and_what_has_changed(taught: Class) -> None:
    first = tried(taught.classroom, taught.ada, "lesson-1", 1, 5)
    second = tried(taught.classroom, taught.ada, "lesson-1", 2, 4)
    text = words(taught.get(f"learners/{taught.ada.id}/attempts/{second}"))
    assert "1 changed since the attempt before" in text
    assert "was failed" in text
    assert "Expected 3 Found 1" in text
    assert "judged by the server" in text
    assert f"attempts/{first}" in taught.get(f"learners/{taught.ada.id}/attempts/{second}")
    assert "The first attempt at this lesson" in words(taught.get(f"learners/{taught.ada.id}/attempts/{first}"))


def test_what_is_the_same_elsewhere_is_told_as_a_fact(taught: Class) -> None:
    attempt = tried(taught.classroom, taught.ada, "lesson-1", 2, 3, origin=Origin.SUBMITTED, cluster="uid-1")
    tried(taught.classroom, taught.ben, "lesson-1", 2, 3, origin=Origin.SUBMITTED, cluster="uid-1")
    assert "the same cluster as Ben" in words(taught.get(f"learners/{taught.ada.id}"))
    text = words(taught.get(f"learners/{taught.ada.id}/attempts/{attempt}"))
    assert "the same cluster as Ben" in text
    assert "there can be good reasons" in text


PASSWORD = "hunter2-correct-horse"
ENCODED = "aHVudGVyMi1jb3JyZWN0LWhvcnNl"
SECRETS = [
    pytest.param(f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: {PASSWORD}\n", id="stringData"),
    pytest.param(f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: {ENCODED}\n", id="data"),
    pytest.param(f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n# {PASSWORD}\nstringData:\n  a: b\n", id="in a comment"),
    pytest.param(f"apiVersion: v1\nkind: secret\nmetadata:\n  name: db\nstringData: {{password: {PASSWORD}}}\n", id="misspelt kind"),
    pytest.param(f"apiVersion: v1\nkind: Sekret\nmetadata:\n  name: db\ndata:\n  x: {ENCODED}\n", id="another kind"),
    pytest.param(f"kind: Secret\nstringData:\n  password: {PASSWORD}\n", id="half of one"),
    pytest.param(f"kind: Secret\nstringData:\n  password: {PASSWORD}\n bad: [", id="that cannot be read"),
    pytest.param(f"stringData:\n  password: {PASSWORD}\n", id="without a kind"),
    pytest.param(
        f"apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  apiVersion: v1\n  stringData: {{p: {PASSWORD}}}\n", id="in a list"
    ),
    pytest.param(
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n---\nkind: Secret\nstringData:\n  p: {PASSWORD}\n", id="the second one"
    ),
    pytest.param(f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  DB_PASSWORD: {PASSWORD}\n", id="in a ConfigMap"),
    pytest.param(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\nspec:\n  template:\n    spec:\n      containers:\n      - name: a\n"
        f"        env:\n        - name: JWT_SECRET\n          value: {PASSWORD}\n",
        id="in a variable",
    ),
    pytest.param(f"# postgresql://user:{PASSWORD}@db/x\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n", id="in an address"),
    pytest.param(f"# password: {PASSWORD}\nkind: Namespace\napiVersion: v1\nmetadata: {{name: x}}\n", id="noted beside it"),
    pytest.param(
        f"kind: Namespace\napiVersion: v1\nmetadata: {{name: x}}\n# kind: Secret\n# stringData:\n#   x: {PASSWORD}\n", id="set aside"
    ),
    pytest.param(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nsecretGenerator:\n- name: x\n  literals:\n"
        f"  - password={PASSWORD}\n",
        id="for Kustomize",
    ),
    pytest.param(f"{{{{ if .Values.x }}}}\nkind: Secret\nstringData: {{p: {PASSWORD}}}\n", id="in a template"),
    pytest.param(f"JWT={PASSWORD}\n", id="in no YAML at all"),
    pytest.param(f'{{"kind": "Secret", "apiVersion": "v1", "stringData": {{"p": "{PASSWORD}"}}}}', id="as JSON"),
]


@pytest.mark.parametrize("content", SECRETS)
def test_no_value_of_a_secret_is_shown_to_anybody_else(content: str) -> None:
    for name in ("secret.yaml", "x.json"):
        text = readable(name, content) or ""
        assert PASSWORD not in text
        assert ENCODED not in text
        for origin in (None, ("lesson-3", content), ("lesson-3", "kind: Namespace\napiVersion: v1\nmetadata: {name: x}\n")):
            shown = repr(masked(name, content, NOON, origin))
            assert PASSWORD not in shown
            assert ENCODED not in shown


def test_a_file_without_secrets_is_shown_as_it_was_typed() -> None:
    typed = "# mine\nkind: Namespace\napiVersion: v1\nmetadata:   {name: rag-engine}"
    assert readable("namespace.yaml", typed) == typed
    shown = masked("namespace.yaml", typed, NOON, ("lesson-1", typed.replace("rag-engine", "x")))
    assert shown.rows is not None
    assert [row.kind for row in shown.rows] == ["same", "same", "same", "gone", "new"]
    assert masked("namespace.yaml", typed, NOON, ("lesson-1", typed)).rows == []
    assert readable("broken.yaml", "kind: [Namespace") == "kind: [Namespace"


def test_the_workspace_is_beside_the_attempt_without_its_secrets(taught: Class) -> None:
    attempt = tried(taught.classroom, taught.ada, "lesson-3", 1)
    with session_of(taught.classroom.app.state.engine, writes=True) as session:
        session.add(WorkspaceFile(learner_id=taught.ada.id, name="secrets.yaml", content=str(SECRETS[0].values[0])))
        session.add(WorkspaceFile(learner_id=taught.ben.id, name="bens.yaml", content="kind: Namespace"))
    page = taught.get(f"learners/{taught.ada.id}/attempts/{attempt}")
    assert "secrets.yaml" in page
    assert "value not shown" in page
    assert PASSWORD not in page
    assert "bens.yaml" not in page


def test_only_files_that_hold_something_secret_are_written_anew() -> None:
    anew = set()
    for path in sorted(exercises().glob("lesson-*/s*/*.yaml")):
        typed = path.read_text(encoding="utf-8")
        if path.parent.name in ("starter", "solution") and readable(path.name, typed) != typed.removesuffix("\n"):
            anew.add(path.name)
    assert anew == {"secrets.yaml", "query-api.yaml"}, "Secrets, and a password in an address"


def test_comments_stand_with_the_lesson_and_are_never_markup(taught: Class) -> None:
    tried(taught.classroom, taught.ada, "lesson-1", 1)
    page = f"/cohorts/{taught.cohort}/learners/{taught.ada.id}"
    text = "See `kubectl get ns`\n\n<script>alert(1)</script>"
    form = {"lesson_id": "lesson-1", "objective_id": board_objective("lesson-1", 0), "text": text}
    assert taught.browser.send_form(f"{page}/comments", form).status_code == 303
    shown = taught.browser.get(page).text
    assert "<code>kubectl get ns</code>" in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "not read yet" in words(shown)
    assert "Take it back" in words(shown)
    root = taught.classroom.client(taught.classroom.person("Root", Role.ADMIN))
    assert "Take it back" not in words(root.get(page).text), "only who wrote it can"
    attempt = tried(taught.classroom, taught.ada, "lesson-1", 1)
    assert "kubectl get ns" in taught.browser.get(f"{page}/attempts/{attempt}").text


def test_what_is_said_in_another_cohort_stays_there(taught: Class) -> None:
    tried(taught.classroom, taught.ada, "lesson-1", 1)
    also = taught.classroom.person("Ida", Role.INSTRUCTOR)
    elsewhere = taught.classroom.cohort("Evening", [also], [taught.ada])
    form = {"lesson_id": "lesson-1", "objective_id": "", "text": "between us"}
    assert taught.classroom.client(also).send_form(f"/cohorts/{elsewhere}/learners/{taught.ada.id}/comments", form).status_code == 303
    assert "between us" not in taught.get(f"learners/{taught.ada.id}")
