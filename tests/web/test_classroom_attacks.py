"""What somebody tries who means harm, and what comes of it."""

from __future__ import annotations

import re
import time
from http.client import HTTPConnection

import pytest

from app import streams
from app.db import session_of
from app.models import Membership, Purpose, Role
from app.routes import progress as routes_progress
from app.services import live, one_time_links, shared_cluster, sign_ins
from app.services.audit import Actor
from app.services.masked_files import readable
from tests.web.classroom import Classroom

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_FORM = "multipart/form-data; boundary=x"


def _part(size: int) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n' + b"a" * size + b"\r\n--x--\r\n"


def test_a_link_for_a_learner_lets_nobody_in_once_they_may_do_more(classroom: Classroom) -> None:
    """An instructor who has kept it could be an admin with it."""
    teacher, admin, learner = classroom.person("Tess", Role.INSTRUCTOR), classroom.person("Ada", Role.ADMIN), classroom.person("Lee")
    cohort = classroom.cohort("Spring", [teacher], [learner])
    made = classroom.client(teacher).send_form(f"/cohorts/{cohort}/people/{learner.id}/link")
    link = re.search(r"/link/[\w-]+", made.text)
    assert link is not None
    assert classroom.client().get(link[0]).status_code == 200
    assert classroom.client(admin).send_form(f"/people/{learner.id}/role", {"role": "admin"}).status_code == 303
    assert classroom.client().get(link[0]).status_code == 404


@pytest.mark.parametrize(
    ("path", "form"), [("role", {"role": "learner"}), ("active", {"active": "no"}), ("delete", {"email": "bob@example.org"})]
)
def test_who_may_do_less_has_no_way_left_into_other_accounts(classroom: Classroom, path: str, form: dict[str, str]) -> None:
    """An admin who is sent away, with a link to another admin's password in their pocket."""
    bob, admin = classroom.person("Bob", Role.ADMIN), classroom.person("Ada", Role.ADMIN)
    page = classroom.client(admin)  # has been here, so that the link is one to reset
    made = classroom.client(bob).send_form(f"/people/{admin.id}/link")
    link = re.search(r"/link/[\w-]+", made.text)
    assert link is not None
    assert classroom.client().get(link[0]).status_code == 200
    assert page.send_form(f"/people/{bob.id}/{path}", form).status_code == 303
    assert classroom.client().get(link[0]).status_code == 404


def test_what_a_stranger_is_called_is_not_told_by_their_address(classroom: Classroom) -> None:
    """Whoever may make a cohort could else ask the name behind any address."""
    stranger, teacher = classroom.person("Stranger Danger"), classroom.person("Tess", Role.INSTRUCTOR)
    cohort = classroom.cohort("Spring", [teacher])
    tried = classroom.client(teacher).send_form(f"/cohorts/{cohort}/roster", {"text": f"Guess,{stranger.email}"})
    assert "has an account: give them a link to join" in tried.text
    assert "Stranger Danger" not in tried.text


@ONE
@pytest.mark.parametrize("charset", ["punycode", "UTF-8", '"idna"', "utf-8; charset=punycode"])
def test_a_form_names_no_charset_of_its_own(classroom: Classroom, charset: str) -> None:
    """Python reads some in time that grows with the square of the length."""
    answer = classroom.client(classroom.person("Lee")).post(
        "/sign-in", content=_part(20), headers={"content-type": f"{_FORM}; Charset={charset}"}
    )
    assert answer.status_code == 415


@ONE
@pytest.mark.parametrize("path", ["/sign-in", "/cohorts/1/roster/confirm", "/workbench/lesson-1/upload"])
def test_nobody_sends_much_before_they_have_signed_in(classroom: Classroom, path: str) -> None:
    """Forms are read before it is asked who sends them."""
    headers = {"content-type": _FORM}
    nobody = classroom.client()
    for body in (_part(70_000), iter([_part(70_000)])):  # with its length told, and without
        answer = nobody.post(path, content=body, headers=headers)
        assert answer.status_code == 413
        assert "64 KB" in answer.text
    assert nobody.post(path, content=_part(60_000), headers=headers).status_code in (401, 403)
    assert classroom.client(classroom.person("Lee")).post(path, content=_part(70_000), headers=headers).status_code == 403


@pytest.mark.parametrize(
    "piece", ["#", "# ", "#data", "#kind", "# kind: ", "data ", "'", '"', "#\t", "://", "sk-", "a=", "--a ", "-----BEGIN "]
)
def test_a_file_does_not_keep_its_reader_busy(piece: str) -> None:
    """An instructor opens it, on a thread that lets no other run meanwhile."""
    begun = time.process_time()
    readable("a.yaml", "# " + piece * (100_000 // len(piece)))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("text", ["a: 1 # kind: Secret\n", "a: 1\n## x # data: {}\n", "# stringData:\n#   a: b\n"])
def test_a_secret_that_was_set_aside_is_still_found(text: str) -> None:
    """Such a file is written anew, without its comments."""
    assert "#" not in str(readable("a.yaml", text))


@pytest.mark.parametrize("path", ["/progress/events", "/live/events?lesson=lesson-1"])
def test_a_stream_ends_with_the_sign_in_of_its_reader(classroom_server: Classroom, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Whoever has stolen a cookie could else look on, however often its owner ends that sign-in."""
    monkeypatch.setattr(streams, "LOOK_AGAIN", 0.0)
    monkeypatch.setattr(routes_progress, "_HEARTBEAT", 0.2)
    monkeypatch.setattr(live, "HEARTBEAT", 0.2)
    state, learner = classroom_server.app.state, classroom_server.person("Lee")
    state.live.usual = shared_cluster.place("/no/such/kubeconfig", "learner-lee")
    cohort = classroom_server.cohort("Spring", [], [learner])
    with session_of(state.engine, writes=True) as session:
        membership = session.get(Membership, (cohort, learner.id))
        assert membership is not None
        membership.namespace = "learner-lee"
    name, value, _ = classroom_server.cookie(learner)
    connection = HTTPConnection("127.0.0.1", classroom_server.settings.port, timeout=10)
    connection.request("GET", path, headers={"cookie": f"{name}={value}"})
    answer = connection.getresponse()
    assert answer.status == 200
    for _ in range(6):
        assert answer.readline(), "it goes on while the sign-in holds"
    with session_of(state.engine, writes=True) as session:
        sign_ins.sign_out_everywhere(session, learner.id)
    until = time.monotonic() + 10
    while answer.readline():
        assert time.monotonic() < until, "it goes on"
    connection.close()


@ONE
@pytest.mark.parametrize("other", ['seen={"a":1}', "list[a]=1", "a=b c", 'torn="a'])
def test_what_a_neighbour_has_left_among_the_cookies_signs_nobody_out(classroom: Classroom, other: str) -> None:
    """A host beside ours, or another program on localhost, sets what browsers send along."""
    name, value, _ = classroom.cookie(classroom.person("Lee"))
    assert classroom.client().get("/account", headers={"cookie": f"{other}; {name}={value}"}).status_code == 200


@ONE
def test_a_page_that_has_no_address_is_led_back_to_the_map(classroom: Classroom) -> None:
    answer = classroom.client(classroom.person("Lee")).send_form("/theme", {"theme": "dark"}, headers={"referer": "http://["})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_nobody_holds_more_streams_than_pages(classroom_server: Classroom) -> None:
    name, value, _ = classroom_server.cookie(classroom_server.person("Lee"))
    other, others_value, _ = classroom_server.cookie(classroom_server.person("Max"))
    connections = []
    for number in range(21):
        connections.append(HTTPConnection("127.0.0.1", classroom_server.settings.port, timeout=10))
        connections[-1].request("GET", "/progress/events", headers={"cookie": f"{name}={value}"})
        answer = connections[-1].getresponse()
        assert answer.status == (200 if number < 20 else 429)
        if number < 20:
            answer.readline()  # it has subscribed by now
    connections.append(HTTPConnection("127.0.0.1", classroom_server.settings.port, timeout=10))
    connections[-1].request("GET", "/progress/events", headers={"cookie": f"{other}={others_value}"})
    assert connections[-1].getresponse().status == 200
    for connection in connections:
        connection.close()


@ONE
def test_a_link_into_somebodys_work_is_void_once_another_teaches_them_as_well(classroom: Classroom) -> None:
    iris, ivan, lee = classroom.person("Iris", Role.INSTRUCTOR), classroom.person("Ivan", Role.INSTRUCTOR), classroom.person("Lee")
    classroom.cohort("Autumn", [iris], [lee])
    with session_of(classroom.app.state.engine, writes=True) as session:
        path = one_time_links.make_link(session, Actor(iris.id, iris.email), Purpose.RESET, lee.id)
    assert classroom.client().get(path).status_code == 200
    classroom.cohort("Spring", [ivan], [lee])
    assert classroom.client().get(path).status_code == 404


@ONE
def test_what_the_app_can_be_asked_is_described_to_nobody_in_a_classroom(classroom: Classroom) -> None:
    assert classroom.client().get("/api/openapi.json").status_code == 404


@ONE
def test_a_roster_takes_no_namespace_that_the_course_gives_out(classroom: Classroom) -> None:
    iris = classroom.person("Iris", Role.INSTRUCTOR)
    cohort = classroom.cohort("Autumn", [iris])
    tried = classroom.client(iris).send_form(f"/cohorts/{cohort}/roster", {"text": "Lee,lee@example.org,learner-x-7"})
    assert "given out by the course itself" in tried.text
