"""Cohorts: made, shared, joined by links, left, put away; their due dates; and who did what."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from app.cli import main
from app.db import session_of
from app.models import Account, AuditEvent, Cohort, DueDate, Extension, JoinLink, LatePolicy, Membership, Role, utc_now
from app.services import cohorts, due_dates, join_links
from app.services.audit import Actor
from graders.errors import GradingError, UnreadableInput
from tests.web.classroom import Classroom

KEY_BYTES = b"k" * 32
BERLIN = ZoneInfo("Europe/Berlin")
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ACTOR = Actor(None, "a test")


def _read(classroom: Classroom) -> Session:
    return Session(classroom.app.state.engine)


def _events(classroom: Classroom, cohort_id: int | None = None) -> list[str]:
    with _read(classroom) as session:
        query = select(AuditEvent).order_by(AuditEvent.id)  # type: ignore[arg-type] # a column, at run time
        return [event.action for event in session.exec(query) if cohort_id in (None, event.cohort_id)]


def test_an_instructor_makes_a_cohort_and_teaches_it_with_another(classroom: Classroom) -> None:
    ada, ben = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Ben", Role.INSTRUCTOR)
    adas, bens = classroom.client(ada), classroom.client(ben)
    made = adas.send_form("/cohorts", {"name": "  Autumn\t2026 <b>  "})
    assert made.status_code == 303
    number = int(made.headers["location"].split("/")[2])
    listed = adas.get("/cohorts").text
    assert "Autumn 2026 &lt;b&gt;" in listed
    assert bens.get(f"/cohorts/{number}/people").status_code == 404
    assert adas.send_form(f"/cohorts/{number}/instructors", {"email": "BEN@example.org "}).status_code == 303
    assert "Ada" in bens.get(f"/cohorts/{number}/people").text
    assert adas.send_form(f"/cohorts/{number}", {"name": "Winter"}).status_code == 303
    assert adas.send_form(f"/cohorts/{number}/leave").status_code == 303
    assert adas.get(f"/cohorts/{number}/people").status_code == 404
    last = bens.send_form(f"/cohorts/{number}/leave")
    assert last.status_code == 409
    assert "Nobody else teaches" in last.text
    assert _events(classroom, number) == [
        "cohort.made",
        "cohort.instructor-added",
        "cohort.renamed",
        "cohort.instructor-left",
    ]


REFUSED_INSTRUCTORS = [
    pytest.param("nobody@example.org", 404, id="nobody"),
    pytest.param("lea@example.org", 404, id="a learner"),
    pytest.param("no address", 422, id="no address"),
    pytest.param("a\x00b@example.org", 422, id="a character that databases refuse"),
]


@pytest.mark.parametrize(("email", "status"), REFUSED_INSTRUCTORS)
def test_only_instructors_can_teach(classroom: Classroom, email: str, status: int) -> None:
    ada = classroom.person("Ada", Role.INSTRUCTOR)
    lea = classroom.person("Lea")
    number = classroom.cohort("Autumn", [ada], [lea])
    assert classroom.client(ada).send_form(f"/cohorts/{number}/instructors", {"email": email}).status_code == status


@SQLITE
@pytest.mark.parametrize(
    ("form", "fields", "page"),
    [
        ("/instructors", {"email": "nobody@example.org"}, "/people"),
        ("", {"name": ""}, "/people"),
        ("/links", {"days": "0"}, "/people"),
        ("/due", {"zone": "Nowhere/Land"}, "/due"),
        ("/due/extensions", {"email": "nobody@example.org", "lesson": "lesson-1", "at": "2026-12-01T18:00"}, "/due"),
        ("/learners/999/comments", {"lesson_id": "lesson-1", "text": "Well done."}, "/learners/999"),
    ],
)
def test_a_form_that_is_refused_leads_back_to_its_page(classroom: Classroom, form: str, fields: dict[str, str], page: str) -> None:
    ada = classroom.person("Ada", Role.INSTRUCTOR)
    base = f"/cohorts/{classroom.cohort('Autumn', [ada])}"
    answer = classroom.client(ada).send_form(base + form, fields)
    assert answer.status_code >= 400
    assert f'<a class="button" href="{base}{page}">Back</a>' in answer.text
    assert "There is no such page" not in answer.text


def test_who_is_no_instructor_any_more_sees_the_cohort_no_longer(classroom: Classroom) -> None:
    ada = classroom.person("Ada", Role.INSTRUCTOR)
    number = classroom.cohort("Autumn", [ada])
    browser = classroom.client(ada)
    assert browser.get(f"/cohorts/{number}/people").status_code == 200
    with session_of(classroom.app.state.engine, writes=True) as session:
        account = session.get(Account, ada.id)
        assert account is not None
        account.role = Role.LEARNER
    assert browser.get(f"/cohorts/{number}/people").status_code == 404
    assert "Autumn" not in browser.get("/cohorts").text
    assert browser.send_form("/cohorts", {"name": "Mine"}).status_code == 403


@pytest.mark.parametrize("name", ["", " \t ", "\u202e\x00", "x" * 101], ids=["empty", "blank", "unseen", "long"])
def test_a_name_that_is_none_is_refused_in_a_sentence(classroom: Classroom, name: str) -> None:
    refused = classroom.client(classroom.person("Ada", Role.INSTRUCTOR)).send_form("/cohorts", {"name": name})
    assert refused.status_code == 422
    assert "name" in refused.text


def test_a_link_is_handed_out_used_and_revoked(classroom: Classroom) -> None:
    ada, lea, max_ = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea"), classroom.person("Max")
    number = classroom.cohort("Autumn", [ada])
    adas = classroom.client(ada)
    assert adas.send_form(f"/cohorts/{number}/links", {"days": "7"}).status_code == 303
    shown = re.search(r'data-copy="([^"]+/join/[^"]+)"', adas.get(f"/cohorts/{number}/people").text)
    assert shown is not None
    path = urlsplit(shown[1]).path
    for _ in range(2):  # once more changes nothing
        assert classroom.client(lea).send_form(path).status_code == 303
    with _read(classroom) as session:
        assert session.get(Membership, (number, lea.id)) is not None
        link = session.exec(select(JoinLink)).one()
        assert (link.uses, (link.expires_at - link.created_at).days) == (1, 7)
    assert adas.send_form(f"/cohorts/{number}/links/{link.id}/revoke").status_code == 303
    assert path not in adas.get(f"/cohorts/{number}/people").text
    assert classroom.client(max_).send_form(path).status_code == 404
    assert _events(classroom, number) == ["join-link.made", "cohort.joined", "join-link.revoked"]
    trail = adas.get(f"/cohorts/{number}/audit").text
    assert path.rpartition("/")[2] not in trail, "nothing that opens a door stands in the trail"


@pytest.mark.parametrize("days", ["0", "91", "100000"])
def test_a_link_lasts_between_a_day_and_ninety(classroom: Classroom, days: str) -> None:
    ada = classroom.person("Ada", Role.INSTRUCTOR)
    number = classroom.cohort("Autumn", [ada])
    assert classroom.client(ada).send_form(f"/cohorts/{number}/links", {"days": days}).status_code == 422


@SQLITE
def test_a_link_leads_nowhere_once_it_is_expired_or_revoked_or_its_cohort_archived_or_its_code_another(classroom: Classroom) -> None:
    number = classroom.cohort("Autumn")
    with session_of(classroom.app.state.engine, writes=True) as session:
        link = join_links.make(session, ACTOR, number, timedelta(days=1))
        code = join_links.code_of(KEY_BYTES, link)
        found = join_links.find(session, KEY_BYTES, code.upper())
        assert found is not None
        assert found.id == link.id
        assert join_links.find(session, b"another key" * 3, code) is None
        assert join_links.find(session, KEY_BYTES, "2" + code[1:]) is None
        for wrong in ("", "1", "1-", code[:-1], code + "a", code.replace("-", "_"), "\x00", "9" * 400 + "-" + "a" * 24):
            assert join_links.find(session, KEY_BYTES, wrong) is None
        link.expires_at = utc_now() - timedelta(seconds=1)
        assert join_links.find(session, KEY_BYTES, code) is None
        link.expires_at = utc_now() + timedelta(days=1)
        link.revoked_at = utc_now()
        assert join_links.find(session, KEY_BYTES, code) is None
        link.revoked_at = None
        cohort = session.get(Cohort, number)
        assert cohort is not None
        cohorts.archive(session, ACTOR, cohort, archived=True)
        assert join_links.find(session, KEY_BYTES, code) is None
        with pytest.raises(GradingError, match="archived"):
            join_links.make(session, ACTOR, number, timedelta(days=1))
        cohorts.archive(session, ACTOR, cohort, archived=False)
        assert join_links.find(session, KEY_BYTES, code) is not None


def test_an_instructor_who_follows_the_link_of_their_own_cohort_stays_its_instructor(classroom: Classroom) -> None:
    ada = classroom.person("Ada", Role.INSTRUCTOR)
    number = classroom.cohort("Autumn", [ada])
    with session_of(classroom.app.state.engine, writes=True) as session:
        link = join_links.make(session, ACTOR, number, timedelta(days=1))
        assert not join_links.join(session, link, ada.id)
        held = session.get(Membership, (number, ada.id))
        assert held is not None
        assert held.role == Role.INSTRUCTOR


def test_who_is_taken_out_keeps_their_work(classroom: Classroom) -> None:
    ada, lea = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea")
    number = classroom.cohort("Autumn", [ada], [lea])
    leas, adas = classroom.client(lea), classroom.client(ada)
    assert leas.send_form("/workbench/lesson-1/new", {"name": "a.yaml", "content": "kind: Namespace"}).status_code == 303
    assert adas.send_form(f"/cohorts/{number}/people/{lea.id}/remove").status_code == 303
    assert adas.send_form(f"/cohorts/{number}/people/{lea.id}/remove").status_code == 404
    assert leas.get("/workbench/files/a.yaml").text == "kind: Namespace"
    assert adas.send_form(f"/cohorts/{number}/people/{ada.id}/remove").status_code == 403


def test_a_reset_link_is_shown_once_and_only_for_learners_of_the_cohort(classroom: Classroom) -> None:
    ada, ben, lea = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Ben", Role.INSTRUCTOR), classroom.person("Lea")
    stranger = classroom.person("Sam")
    number, other = classroom.cohort("Autumn", [ada], [lea]), classroom.cohort("Other", [ben], [stranger])
    adas = classroom.client(ada)
    shown = adas.send_form(f"/cohorts/{number}/people/{lea.id}/link")
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    path = re.search(r"/link/[\w-]{20,}", shown.text)
    assert path is not None
    assert classroom.client().get(path[0]).status_code == 200
    trail = adas.get(f"/cohorts/{number}/audit").text
    assert "link: made" in trail
    assert "lea@example.org" in trail
    assert path[0].rpartition("/")[2] not in trail
    assert adas.send_form(f"/cohorts/{number}/people/{stranger.id}/link").status_code == 404
    assert adas.send_form(f"/cohorts/{number}/people/{ada.id}/link").status_code == 404
    assert adas.send_form(f"/cohorts/{other}/people/{stranger.id}/link").status_code == 404
    classroom.cohort("A third one, of somebody else", [ben], [lea])
    assert adas.send_form(f"/cohorts/{number}/people/{lea.id}/link").status_code == 403


def test_people_are_found_by_words_and_shown_in_pages(classroom: Classroom) -> None:
    ada = classroom.person("Ada", Role.INSTRUCTOR)
    learners = [classroom.person(f"Learner {at:03}") for at in range(101)]
    number = classroom.cohort("Autumn", [ada], learners)
    browser = classroom.client(ada)
    first, second = (browser.get(f"/cohorts/{number}/people?page={page}").text for page in (1, 2))
    assert "Learner 000" in first
    assert "Learner 100" not in first
    assert "Learner 100" in second
    assert "page 2 of 2" in second
    found = browser.get(f"/cohorts/{number}/people?q=LEARNER.042").text
    assert "Learner 042" in found
    assert "Learner 043" not in found
    assert "No learner of this cohort" in browser.get(f"/cohorts/{number}/people?q=%25%00").text


def test_the_trail_can_be_filtered_and_is_read_in_pages(classroom: Classroom) -> None:
    ada, root = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Root", Role.ADMIN)
    number, other = classroom.cohort("Autumn", [ada]), classroom.cohort("Another")
    actor = Actor(ada.id, ada.email, "192.0.2.7")
    with session_of(classroom.app.state.engine, writes=True) as session:
        for at in range(120):
            cohort = session.get(Cohort, number)
            assert cohort is not None
            cohorts.rename(session, actor, cohort, f"Name {at} <script>")
        elsewhere = session.get(Cohort, other)
        assert elsewhere is not None
        cohorts.archive(session, ACTOR, elsewhere, archived=True)
    adas, roots = classroom.client(ada), classroom.client(root)
    page = adas.get(f"/cohorts/{number}/audit").text
    assert "Name 119 &lt;script&gt;" in page
    assert "Name 18 " not in page
    assert "192.0.2.7" in page
    older = re.search(r'href="([^"]+before=\d+)"', page)
    assert older is not None
    assert "Name 18 " in adas.get(older[1].replace("&amp;", "&")).text
    assert "Another" not in page
    everything = roots.get("/audit").text
    assert "cohort: archived" in everything
    assert "Nothing fits" in roots.get("/audit?noun=comment").text
    assert "cohort: archived" in roots.get("/audit?noun=cohort&q=A+TEST+another").text
    assert adas.get("/audit").status_code == 403


# Due dates


def test_dates_are_typed_in_a_zone_and_shown_to_learners(classroom: Classroom) -> None:
    ada, lea, max_ = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea"), classroom.person("Max")
    number = classroom.cohort("Autumn", [ada], [lea, max_])
    adas = classroom.client(ada)
    form = {"zone": "Europe/Berlin", "lesson-1": "2027-01-15T23:59", "lesson-2": "", "lesson-99": "2027-01-01T00:00"}
    assert adas.send_form(f"/cohorts/{number}/due", form).status_code == 303
    with _read(classroom) as session:
        assert [(row.lesson_id, row.due_at) for row in session.exec(select(DueDate))] == [
            ("lesson-1", datetime(2027, 1, 15, 22, 59, tzinfo=UTC))
        ]
    page = adas.get(f"/cohorts/{number}/due?zone=America/New_York").text
    assert 'value="2027-01-15T17:59"' in page
    assert 'value="2027-01-15T17:59"' in adas.get(f"/cohorts/{number}/due").text, "the zone is remembered"
    extension = {"zone": "UTC", "email": "lea@example.org", "lesson": "lesson-1", "at": "2027-01-20T12:00", "reason": "was ill"}
    assert adas.send_form(f"/cohorts/{number}/due/extensions", extension).status_code == 303
    for where in ("/", "/workbench/lesson-1"):
        for person, told, not_told in ((lea, "2027-01-20T12:00:00", "2027-01-15"), (max_, "2027-01-15T22:59:00", "2027-01-20")):
            shown = classroom.client(person).get(where).text
            assert told in shown
            assert not_told not in shown
    assert "extended for you" in classroom.client(lea).get("/workbench/lesson-1").text
    taken = {"learner": str(lea.id), "lesson": "lesson-1"}
    assert adas.send_form(f"/cohorts/{number}/due/extensions/withdraw", taken).status_code == 303
    assert adas.send_form(f"/cohorts/{number}/due/extensions/withdraw", taken).status_code == 404
    assert adas.send_form(f"/cohorts/{number}/due/extensions/withdraw", taken | {"lesson": "\x00"}).status_code == 404
    assert "2027-01-15" in classroom.client(lea).get("/").text
    assert _events(classroom, number) == ["due-dates.set", "extension.given", "extension.withdrawn"]


def test_due_dates_show_in_progress_once_there_is_some(classroom: Classroom) -> None:
    ada, lea = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea")
    number = classroom.cohort("Autumn", [ada], [lea])
    _set(classroom, number, {"lesson-1": datetime(2027, 1, 15, 12, tzinfo=UTC)})
    browser = classroom.client(lea)
    browser.send_form("/workbench/lesson-1", {"do": "check"})
    assert "2027-01-15T12:00:00" in browser.get("/progress").text


REFUSED_EXTENSIONS = [
    pytest.param({"email": "sam@example.org"}, 404, "No learner of this cohort", id="somebody of another cohort"),
    pytest.param({"email": "ada@example.org"}, 404, "No learner of this cohort", id="the instructor"),
    pytest.param({"email": "?"}, 422, "no e-mail address", id="no address"),
    pytest.param({"lesson": "lesson-2"}, 409, "nothing to extend", id="nothing is due"),
    pytest.param({"lesson": "lesson-99\x00"}, 404, "no such lesson", id="no lesson"),
    pytest.param({"at": "2027-01-14T12:00"}, 422, "no later", id="earlier than all"),
    pytest.param({"at": "tomorrow"}, 422, "no date and time", id="no time"),
    pytest.param({"at": "2027-01-16T12:00+01:00"}, 422, "without a zone", id="a zone of its own"),
    pytest.param({"zone": "Mars/Olympus"}, 422, "no time zone", id="no zone"),
    pytest.param({"zone": "../../etc/passwd"}, 422, "no time zone", id="a path"),
    pytest.param({"reason": "x" * 201}, 422, "200 is the most", id="a long reason"),
]


@pytest.mark.parametrize(("change", "status", "told"), REFUSED_EXTENSIONS)
def test_an_extension_that_makes_no_sense_is_refused_in_a_sentence(
    classroom: Classroom, change: dict[str, str], status: int, told: str
) -> None:
    ada, lea, sam = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea"), classroom.person("Sam")
    number = classroom.cohort("Autumn", [ada], [lea])
    classroom.cohort("Another", [], [sam])
    _set(classroom, number, {"lesson-1": datetime(2027, 1, 15, 12, tzinfo=UTC)})
    good = {"zone": "UTC", "email": "lea@example.org", "lesson": "lesson-1", "at": "2027-01-16T12:00", "reason": ""}
    refused = classroom.client(ada).send_form(f"/cohorts/{number}/due/extensions", good | change)
    assert (refused.status_code, told in refused.text) == (status, True), refused.text
    with _read(classroom) as session:
        assert session.exec(select(Extension)).all() == []


@SQLITE
def test_a_date_of_all_that_is_moved_beyond_an_extension_holds(classroom: Classroom) -> None:
    ada, lea = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea")
    number = classroom.cohort("Autumn", [ada], [lea])
    soon, later = datetime(2027, 1, 15, 12, tzinfo=UTC), datetime(2027, 3, 1, 12, tzinfo=UTC)
    _set(classroom, number, {"lesson-1": soon})
    with session_of(classroom.app.state.engine, writes=True) as session:
        cohort = session.get(Cohort, number)
        assert cohort is not None
        due_dates.extend(session, ACTOR, cohort, lea.email, "lesson-1", soon + timedelta(days=1), "")
        assert due_dates.of_learner(session, lea.id)["lesson-1"] == [due_dates.Due("Autumn", soon + timedelta(days=1), soon)]
        due_dates.set_dates(session, ACTOR, cohort, {"lesson-1": later})
        assert due_dates.of_learner(session, lea.id)["lesson-1"] == [due_dates.Due("Autumn", later)]
        cohorts.archive(session, ACTOR, cohort, archived=True)
        assert due_dates.of_learner(session, lea.id) == {}


def test_two_cohorts_have_their_own_dates_and_a_learner_of_both_sees_both(classroom: Classroom) -> None:
    lea = classroom.person("Lea")
    first, second = classroom.cohort("Autumn", [], [lea]), classroom.cohort("Evening", [], [lea])
    _set(classroom, first, {"lesson-1": datetime(2027, 1, 15, 12, tzinfo=UTC)})
    _set(classroom, second, {"lesson-1": datetime(2027, 1, 10, 12, tzinfo=UTC)})
    page = classroom.client(lea).get("/").text
    assert page.index("2027-01-10") < page.index("2027-01-15")
    assert "(Evening)" in page


MOMENTS = [
    pytest.param("2026-11-25T23:59", "Europe/Berlin", "2026-11-25T22:59:00+00:00", id="winter"),
    pytest.param("2026-07-25T23:59", "Europe/Berlin", "2026-07-25T21:59:00+00:00", id="summer"),
    pytest.param("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T01:30:00+00:00", id="a time that comes twice is the later one"),
    pytest.param("2026-11-25T23:59", "Asia/Kathmandu", "2026-11-25T18:14:00+00:00", id="quarters of an hour"),
    pytest.param("2026-11-25T00:00", "Pacific/Kiritimati", "2026-11-24T10:00:00+00:00", id="the day before"),
    pytest.param("2026-11-25T23:59:30", "UTC", "2026-11-25T23:59:30+00:00", id="seconds"),
]


@pytest.mark.parametrize(("typed", "zone", "utc"), MOMENTS)
def test_a_wall_clock_is_understood_in_its_zone(typed: str, zone: str, utc: str) -> None:
    assert due_dates.moment(typed, due_dates.zone(zone)).isoformat() == utc


NO_MOMENTS = [
    pytest.param("2026-03-29T02:30", "There is no 02:30 on 29 March 2026 in Europe/Berlin", id="clocks go forward over it"),
    pytest.param("0001-01-01T00:00", "cannot be a due date", id="long ago"),
    pytest.param("9999-12-31T23:59", "cannot be a due date", id="far away"),
    pytest.param("2026-13-01T00:00", "no date and time", id="a thirteenth month"),
]


@pytest.mark.parametrize(("typed", "told"), NO_MOMENTS)
def test_what_is_no_time_there_is_refused_in_a_sentence(typed: str, told: str) -> None:
    with pytest.raises(UnreadableInput) as refused:
        due_dates.moment(typed, BERLIN)
    assert told in refused.value.message
    assert refused.value.help


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(due_dates.zones()),
)
def test_every_time_that_there_is_comes_back_as_it_was_typed(typed: datetime, zone: str) -> None:
    of = due_dates.zone(zone)
    text = typed.strftime("%Y-%m-%dT%H:%M")
    there_is = typed.replace(tzinfo=of).astimezone(UTC).astimezone(of).replace(tzinfo=None) == typed
    if there_is:
        assert due_dates.wall_clock(due_dates.moment(text, of), of) == text
    else:
        with pytest.raises(UnreadableInput, match="clocks go forward"):
            due_dates.moment(text, of)


def test_the_rule_for_late_work_is_set(classroom: Classroom) -> None:
    ada = classroom.person("Ada", Role.INSTRUCTOR)
    number = classroom.cohort("Autumn", [ada])
    browser = classroom.client(ada)
    assert browser.send_form(f"/cohorts/{number}/due/policy", {"policy": "daily", "percent": "25"}).status_code == 303
    assert browser.send_form(f"/cohorts/{number}/due/policy", {"policy": "daily", "percent": "0"}).status_code == 422
    assert browser.send_form(f"/cohorts/{number}/due/policy", {"policy": "never", "percent": "5"}).status_code == 422
    with _read(classroom) as session:
        cohort = session.get(Cohort, number)
        assert cohort is not None
        assert (cohort.late_policy, cohort.late_percent) == (LatePolicy.DAILY, 25)
    assert "takes 25 % off" in browser.get(f"/cohorts/{number}/gradebook").text


def _set(classroom: Classroom, number: int, dates: dict[str, datetime | None]) -> None:
    with session_of(classroom.app.state.engine, writes=True) as session:
        cohort = session.get(Cohort, number)
        assert cohort is not None
        due_dates.set_dates(session, ACTOR, cohort, dates)


# The command


def test_the_command_makes_lists_links_and_archives(on_the_server: Classroom, capsys: pytest.CaptureFixture[str]) -> None:
    ada, lea = on_the_server.person("Ada", Role.INSTRUCTOR), on_the_server.person("Lea")
    assert main(["cohort", "add", "Autumn", "--instructor", "ada@example.org"]) == 0
    number = capsys.readouterr().out.strip()
    assert main(["cohort", "list"]) == 0
    assert capsys.readouterr().out.split() == [number, "Autumn:", "0", "learners,", "0", "active"]
    assert main(["cohort", "link", "Autumn", "--days", "3"]) == 0
    url = capsys.readouterr().out.strip()
    assert url.startswith(f"{on_the_server.settings.url}/join/")
    assert on_the_server.client(lea).send_form(urlsplit(url).path).status_code == 303
    assert "Lea" in on_the_server.client(ada).get(f"/cohorts/{number}/people").text
    assert main(["cohort", "archive", number]) == 0
    assert on_the_server.client(on_the_server.person("Max")).send_form(urlsplit(url).path).status_code == 404
    assert main(["cohort", "list", "--json"]) == 0
    assert '"learners": 1' in capsys.readouterr().out


SLIPS = [
    pytest.param(["add", "Autumn"], "Somebody has to teach it", id="no instructor"),
    pytest.param(["add", "Autumn", "--instructor", "lea@example.org"], "No instructor has the address", id="a learner"),
    pytest.param(["link", "Nowhere"], "No cohort has the number or name", id="no such cohort"),
    pytest.param(["link", "99999999999"], "No cohort has the number or name", id="no such number"),
    pytest.param(["link", "Twice"], "2 cohorts are called", id="a name that two have"),
    pytest.param(["link", "Twice", "--days", "91"], "no number of days", id="too long"),
    pytest.param(["link"], "takes COHORT", id="no cohort"),
    pytest.param(["lnk"], "none of", id="a slip"),
    pytest.param(["roster", "Once", "/nowhere/roster.csv"], "cannot be read", id="no file"),
]


@SQLITE
@pytest.mark.parametrize(("words", "told"), SLIPS)
def test_a_slip_of_the_command_is_told_in_a_sentence(
    on_the_server: Classroom, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    on_the_server.person("Lea")
    for name in ("Once", "Twice", "Twice"):
        on_the_server.cohort(name)
    assert main(["cohort", *words]) == 2
    assert told in capsys.readouterr().err


@SQLITE
def test_without_the_servers_settings_the_command_says_what_is_missing(
    on_the_server: Classroom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COURSE_SECRET")
    assert main(["cohort", "list"]) != 0
    assert "COURSE_SECRET is not set" in capsys.readouterr().err
