"""The workbench in a real browser: typing, verdicts, completion, two tabs, reloads, keyboard, screen reader names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, Dialog, Page, Route, expect
from sqlmodel import select

from app.db import session_of
from app.models import Attempt, Learner, WorkspaceFile
from app.services import workspace
from tests.cases import EXERCISES

pytestmark = pytest.mark.browser
HPA = (EXERCISES / "lesson-07-hpa" / "solution" / "hpa.yaml").read_text(encoding="utf-8")
WRONG = HPA.replace("maxReplicas:", "maxReplcas:")
Put = Callable[[str, str], None]


@pytest.fixture
def put(app: FastAPI) -> Put:
    """Put a file into the workspace, as another tab would."""

    def write(name: str, text: str) -> None:
        with session_of(app.state.engine, writes=True) as session:
            learner = session.exec(select(Learner.id)).one()
            assert learner is not None
            held = {file.name: file for file in workspace.files(session, learner)}
            if name in held:
                workspace.save(session, learner, name, text, seen=held[name].version)
            else:
                workspace.create(session, learner, name, text)

    return write


def stored(app: FastAPI, name: str = "hpa.yaml") -> str:
    with session_of(app.state.engine, writes=False) as session:
        return session.exec(select(WorkspaceFile.content).where(WorkspaceFile.name == name)).one()


@pytest.fixture
def errors(page: Page) -> list[str]:
    """What the browser complains of, such as a refused style; answers of 4xx are told there as well, and are not counted."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console", lambda said: found.append(said.text) if said.type in ("error", "warning") and "status of 4" not in said.text else None
    )
    return found


def open_file(page: Page, server: str, lesson: str = "lesson-7", name: str = "hpa.yaml") -> None:
    page.goto(f"{server}/workbench/{lesson}?file={name}")
    expect(page.locator(".cm-content")).to_be_visible()


def type_at_end(page: Page, text: str) -> None:
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def test_learner_types_a_wrong_then_a_right_answer(page: Page, server: str, app: FastAPI, put: Put, errors: list[str]) -> None:
    put("hpa.yaml", HPA.replace("maxReplicas: 20", "maxReplicas: 2"))
    open_file(page, server)
    bounds = page.locator("#objective-replica-bounds")
    expect(bounds).to_contain_text("failed")
    expect(bounds).to_contain_text("expected")
    bounds.get_by_role("link", name=re.compile("hpa.yaml")).click()
    expect(page.locator(".cm-activeLine")).to_have_text("  maxReplicas: 2")
    page.keyboard.press("End")
    page.keyboard.type("0")
    expect(bounds).to_contain_text("passed")
    expect(page.locator("#announcer")).to_have_text("replica-bounds passed; the lesson is complete; 8 of 8")
    expect(page.locator(".done")).to_contain_text("All 8 pass.")
    expect(page.locator("#saving")).to_have_text("Saved")
    assert stored(app) == HPA
    with session_of(app.state.engine, writes=False) as session:
        assert [attempt.complete for attempt in session.exec(select(Attempt))] == [True], "what was seen to pass counts"
    assert errors == []


def test_misspelt_field_is_underlined_and_corrected(page: Page, server: str, put: Put, errors: list[str]) -> None:
    put("hpa.yaml", WRONG)
    open_file(page, server)
    expect(page.locator(".cm-lint-marker-error")).to_have_count(2)
    page.locator(".cm-lintRange-error", has_text="maxReplcas").hover()
    page.get_by_role("button", name="Write maxReplicas").click()
    expect(page.locator("#objective-replica-bounds")).to_contain_text("passed")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(0)
    expect(page.locator("#problems")).to_be_hidden()
    assert errors == []


def test_fields_are_completed_with_what_they_mean(page: Page, server: str, app: FastAPI, put: Put, errors: list[str]) -> None:
    put("hpa.yaml", "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - name: api\n")
    open_file(page, server)
    type_at_end(page, "          live")
    expect(page.get_by_role("option", name=re.compile("livenessProbe"))).to_be_visible()
    expect(page.locator(".cm-completionInfo")).to_contain_text("Periodic probe of container liveness.")
    page.wait_for_timeout(120)  # a list that has just come takes no Enter, lest it catch one meant for the text
    page.keyboard.press("Enter")
    page.keyboard.type("period")
    expect(page.get_by_role("option", name=re.compile("periodSeconds"))).to_be_visible()
    expect(page.locator(".cm-completionInfo")).to_contain_text("Default: 10 seconds")
    page.wait_for_timeout(120)
    page.keyboard.press("Enter")
    page.keyboard.type("5")
    expect(page.locator("#field-line")).to_contain_text("spec.template.spec.containers[].livenessProbe.periodSeconds: whole number.")
    expect(page.locator("#saving")).to_have_text("Saved")
    assert stored(app).endswith("          livenessProbe:\n            periodSeconds: 5")
    page.locator(".cm-line span", has_text="containers").hover()
    expect(page.locator(".cm-tooltip-hover")).to_contain_text("list of Container")
    assert errors == []


def test_words_of_lists_and_maps_are_completed(page: Page, server: str, app: FastAPI, put: Put) -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: a\n      imagePullPolicy: Nev\n      resources:\n        requests:\n"
    )
    put("hpa.yaml", text)
    open_file(page, server)
    type_at_end(page, "          mem")
    expect(page.get_by_role("option", name="memory")).to_be_visible()
    page.wait_for_timeout(120)
    page.keyboard.press("Enter")
    page.keyboard.type("1Gi")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    page.keyboard.press("Control+Space")
    expect(page.get_by_role("option", name="Never")).to_be_visible()
    page.wait_for_timeout(120)
    page.keyboard.press("Enter")
    expect(page.locator("#saving")).to_have_text("Saved")
    assert stored(app) == text.replace("Nev", "Never") + "          memory: 1Gi"


def test_what_was_typed_can_be_undone_after_a_reload(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    type_at_end(page, "# one more line")
    expect(page.locator("#saving")).to_have_text("Saved")
    page.reload()
    expect(page.locator(".cm-content")).to_contain_text("# one more line")
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+z")
    expect(page.locator(".cm-content")).not_to_contain_text("# one more line")
    expect(page.locator("#saving")).to_have_text("Saved")
    assert stored(app) == HPA


def test_history_of_another_text_is_not_taken(page: Page, server: str, put: Put) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    type_at_end(page, "# mine")
    expect(page.locator("#saving")).to_have_text("Saved")
    put("hpa.yaml", "# another tab's\n")
    page.reload()
    expect(page.locator(".cm-content")).to_have_text("# another tab's")


def test_text_that_was_never_stored_is_there_after_a_reload(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    page.route("**/workbench/lesson-7", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    type_at_end(page, "# not stored")
    expect(page.locator("#saving")).to_contain_text("Not saved")
    page.reload()
    expect(page.locator(".cm-content")).to_contain_text("# not stored")
    page.unroute("**/workbench/lesson-7")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#saving")).to_have_text("Saved")
    assert stored(app) == HPA + "# not stored"


def test_an_answer_that_was_lost_is_no_conflict(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    lost: list[bool] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(True)
            route.fetch()  # the server has it,
            route.abort()  # and the page never hears of it

    page.route(re.compile(r"/workbench/lesson-7$"), lose)
    type_at_end(page, "# a")
    expect(page.locator("#saving")).to_contain_text("Not saved")
    page.keyboard.type("b")
    expect(page.locator("#saving")).to_have_text("Saved")
    expect(page.locator("#conflict")).to_be_hidden()
    assert stored(app) == HPA + "# ab"


@pytest.mark.parametrize("choice", ["Keep mine", "Take theirs", "See the difference"])
def test_two_tabs_on_one_file_lose_nothing(page: Page, server: str, app: FastAPI, put: Put, choice: str) -> None:
    put("hpa.yaml", "# begin\n")
    open_file(page, server)
    put("hpa.yaml", "# theirs\n")
    type_at_end(page, "# mine")
    conflict = page.get_by_role("alertdialog")
    expect(conflict).to_contain_text("hpa.yaml was changed elsewhere")
    expect(conflict.get_by_role("button", name="Keep mine")).to_be_focused()
    assert stored(app) == "# theirs\n"
    conflict.get_by_role("button", name=choice).click()
    if choice == "See the difference":
        expect(page.get_by_role("heading", name="Two versions of hpa.yaml")).to_be_visible()
        expect(page.get_by_label("Yours, not stored yet")).to_have_value("# begin\n# mine")
        page.get_by_role("button", name="Keep this one").click()
        expect(page.locator(".cm-content")).to_contain_text("# mine")
    else:
        expect(page.locator("#saving")).to_have_text("Saved")
        expect(conflict).to_be_hidden()
    assert stored(app) == ("# theirs\n" if choice == "Take theirs" else "# begin\n# mine")
    if choice == "Take theirs":
        page.keyboard.press("Control+z")
        expect(page.locator(".cm-content")).to_contain_text("# mine")


def test_a_choice_that_was_not_made_waits_after_a_reload(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", "# begin\n")
    open_file(page, server)
    put("hpa.yaml", "# theirs\n")
    type_at_end(page, "# mine")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    page.reload()
    expect(page.get_by_role("alertdialog")).to_be_visible()
    expect(page.locator(".cm-content")).to_contain_text("# mine")
    page.get_by_role("button", name="See the difference").click()
    page.get_by_role("link", name="Take that one, and drop mine").click()
    expect(page.locator(".cm-content")).to_have_text("# theirs")
    expect(page.get_by_role("alertdialog")).to_be_hidden()
    assert stored(app) == "# theirs\n"


def test_a_file_that_was_deleted_elsewhere_can_be_made_again(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", "# begin\n")
    open_file(page, server)
    with session_of(app.state.engine, writes=True) as session:
        session.delete(session.exec(select(WorkspaceFile)).one())
    type_at_end(page, "# mine")
    page.get_by_role("button", name="Make the file again").click()
    expect(page.locator(".cm-content")).to_contain_text("# mine")
    assert stored(app) == "# begin\n# mine"


def test_other_forms_of_the_page_send_what_was_pressed(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    type_at_end(page, "# quick")
    page.get_by_role("button", name="Dark colours").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert stored(app) == HPA + "# quick"


def test_a_tab_that_comes_back_shows_the_newest_text(page: Page, server: str, put: Put) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    put("hpa.yaml", "# newer\n")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".cm-content")).to_have_text("# newer")


def test_leaving_by_a_link_stores_first(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", HPA)
    put("other.yaml", "")
    open_file(page, server)
    type_at_end(page, "# quick")
    page.get_by_role("link", name="other.yaml").first.click()
    expect(page.get_by_role("textbox", name="Contents of other.yaml")).to_be_visible()
    assert stored(app) == HPA + "# quick"


def test_hints_come_one_by_one_and_the_editor_stays(page: Page, server: str, put: Put) -> None:
    put("hpa.yaml", WRONG)
    open_file(page, server)
    objective = page.locator("#objective-replica-bounds")
    objective.get_by_role("button", name=re.compile("A hint")).click()
    expect(objective).to_contain_text("Hint 1 of 2")
    expect(objective.locator(".hints li")).to_be_focused()
    objective.get_by_role("button", name=re.compile("Another hint")).click()
    expect(objective).to_contain_text("Hint 2 of 2")
    expect(objective.get_by_role("button")).to_have_count(0)


def test_keyboard_alone_is_enough(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('cm-content')"):
            break
    expect(page.get_by_role("textbox", name="Contents of hpa.yaml")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".cm-content .cm-line").first).to_have_text("  " + HPA.split("\n")[0])
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    check = page.get_by_role("button", name="Check")
    expect(check).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#announcer")).to_contain_text(" of ")
    expect(check).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+s")
    expect(page.locator("#saving")).to_have_text("Saved")


def test_search_opens_in_the_editor(page: Page, server: str, put: Put, errors: list[str]) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    page.locator(".cm-content").click()
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Control+f")
    expect(page.locator(".cm-search")).to_be_visible()
    assert errors == []


def test_files_that_are_dropped_are_uploaded(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    type_at_end(page, "# typed just before")
    page.evaluate(
        """() => {
          const carried = new DataTransfer();
          carried.items.add(new File(["a: 1\\n"], "one.yaml"));
          carried.items.add(new File(["b: 1\\n"], "two.yaml"));
          const dropped = new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
          document.querySelector(".cm-content").dispatchEvent(dropped);
        }"""
    )
    expect(page.get_by_text("Added to your workspace: one.yaml, two.yaml.")).to_be_visible()
    assert (stored(app, "one.yaml"), stored(app)) == ("a: 1\n", HPA + "# typed just before")


def test_new_file_rename_and_delete_from_the_menus(page: Page, server: str, put: Put) -> None:
    put("hpa.yaml", HPA)
    open_file(page, server)
    page.locator("summary", has_text="Files").click()
    page.get_by_label("Name of a new file").fill("mine.yaml")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Contents of mine.yaml")).to_be_visible()
    page.locator("summary", has_text="This file").click()
    page.get_by_label("Another name").fill("ours.yaml")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("textbox", name="Contents of ours.yaml")).to_be_visible()
    page.locator("summary", has_text="This file").click()
    page.locator("summary", has_text="Delete").click()
    page.get_by_role("button", name="Yes, delete ours.yaml").click()
    expect(page.get_by_text("Deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="ours.yaml")).to_have_count(0)


def test_names_and_texts_of_others_run_nothing(page: Page, server: str, put: Put) -> None:
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    put("hpa.yaml", "</textarea><script>alert(1)</script>\nkind: '<img src=x onerror=alert(2)>'\n")
    open_file(page, server)
    type_at_end(page, "\n'<svg onload=alert(3)>': 1")
    expect(page.locator("#saving")).to_have_text("Saved")
    page.wait_for_timeout(200)
    assert asked == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 360)], ids=["light-and-wide", "dark-and-narrow"])
@pytest.mark.parametrize(
    "path",
    [
        "/workbench/lesson-7?file=hpa.yaml",
        "/workbench/lesson-0",
        "/workbench/lesson-14",
        "/workbench/lesson-7/difference?file=hpa.yaml&view=two",
        "/workbench/lesson-7/solution",
    ],
)
def test_nobody_is_shut_out(page: Page, server: str, put: Put, scheme: str, width: int, path: str) -> None:
    put("hpa.yaml", WRONG)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type] # one of its words
    page.goto(server + path)
    page.wait_for_load_state("networkidle")
    for summary in page.locator(".bench-bar summary").all():
        summary.click()
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing hangs over the side"


def test_pages_are_complete_without_scripts(browser: Browser, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", WRONG)
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{server}/workbench/lesson-7?file=hpa.yaml")
    page.locator("#objective-replica-bounds").get_by_role("link", name=re.compile("hpa.yaml")).click()
    expect(page.locator("#near .here")).to_contain_text("maxReplcas: 20")
    page.get_by_label("Contents of hpa.yaml").fill(HPA)
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".done")).to_contain_text("All 8 pass.")
    assert stored(app) == HPA
    context.close()


def test_first_load_stays_small(page: Page, server: str, put: Put) -> None:
    import gzip

    put("hpa.yaml", HPA)
    scripts: set[str] = set()
    page.on("request", lambda request: scripts.add(request.url) if request.resource_type == "script" else None)
    open_file(page, server)
    page.wait_for_load_state("networkidle")
    size = sum(len(gzip.compress(httpx2.get(url).content, 9)) for url in scripts)
    assert len(scripts) >= 4
    assert size <= 150_000, f"{size} bytes of JavaScript: {sorted(scripts)}"


def test_on_a_small_screen_the_editor_comes_with_the_first_sign_of_use(page: Page, server: str, app: FastAPI, put: Put) -> None:
    put("hpa.yaml", HPA)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{server}/workbench/lesson-7?file=hpa.yaml")
    page.wait_for_load_state("networkidle")
    field = page.get_by_label("Contents of hpa.yaml")
    expect(field).to_be_visible()
    expect(page.locator(".cm-content")).to_have_count(0)

    def late(route: Route) -> None:
        page.wait_for_timeout(400)
        route.continue_()

    page.route("**/build/bench-*.js", late)
    field.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("# typed before the editor was there")
    expect(page.locator(".cm-content")).to_be_focused()
    expect(page.locator("#saving")).to_have_text("Saved")
    assert stored(app) == HPA + "# typed before the editor was there"


def test_bundle_names_its_licences() -> None:
    text = (Path(__file__).parents[2] / "static" / "build" / "workbench.LICENSES.txt").read_text(encoding="utf-8")
    assert "@codemirror/view" in text
    assert text.count("Permission is hereby granted") >= 10
