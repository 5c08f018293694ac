"""Which cluster and namespace the panel reads: what a kubeconfig offers, what is kept, and what is never run or shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlmodel import Session

from app.db import open_database, session_of
from app.models import Learner
from app.services import cluster_choice
from app.services.cluster_choice import Place, choose, menu, offer, place_of, state_of_files
from app.services.live import open_cluster
from app.services.live_picture import Cause, Trouble
from graders.errors import ClusterUnavailable, UsageError
from graders.sources.cluster import connect
from graders.sources.cluster_access import Choices, Offer, choices
from tests.sources.faulty import Exchange, kubeconfig, serving, url
from tests.web.test_live_start import program

SECRETS = ("hunter2", "c2VjcmV0", "t0ken", "--password")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's home: KUBECONFIG names a file that is not there yet, the data folder is empty."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def usual(home: Path) -> Place:
    return Place(cluster_choice.OWN, None, None, "rag-engine")


@pytest.fixture
def several(home: Path) -> Path:
    """A kubeconfig with secrets of each sort, a plugin that would leave a trace, and a context that leads nowhere."""
    plugin = program(home / "sign-in", f"touch {home / 'was-run'}")
    path = home / "config"
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "work",
        "clusters": [
            {"name": "one", "cluster": {"server": "https://ann:hunter2@one.example:6443", "certificate-authority-data": "c2VjcmV0"}},
            {"name": "cloud", "cluster": {"server": "https://ab.eks.eu-west-1.amazonaws.com"}},
        ],
        "users": [
            {"name": "ann", "user": {"token": "t0ken"}},
            {
                "name": "cloud",
                "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "args": ["--password"]}},
            },
        ],
        "contexts": [
            {"name": "home", "context": {"cluster": "one", "user": "ann", "namespace": "mine"}},
            {"name": "work", "context": {"cluster": "cloud", "user": "cloud"}},
            {"name": "lost", "context": {"cluster": "no-such", "user": "no-such"}},
        ],
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.fixture
def session(home: Path) -> Any:
    engine = open_database(f"sqlite:///{home / 'course.db'}")
    with session_of(engine, writes=True) as session:
        session.add(Learner(id=1))
        session.flush()
        yield session
    engine.dispose()


def test_kubeconfig_offers_names_and_hosts(several: Path) -> None:
    assert choices(None) == Choices(
        str(several),
        "work",
        (
            Offer("home", "one.example:6443", "mine", ""),
            Offer("work", "ab.eks.eu-west-1.amazonaws.com", "default", "sign-in"),
            Offer("lost", "", "default", ""),
        ),
    )


def test_menu_shows_nothing_secret_and_runs_nothing(several: Path, usual: Place) -> None:
    shown = menu(usual)
    assert [option.value for option in shown.options] == ["own:home", "own:work", "own:lost"]
    assert "EKS" in shown.options[1].production
    assert not any(secret in repr(shown) for secret in SECRETS)
    assert not (several.parent / "was-run").exists()


def test_plugin_is_run_for_a_chosen_context_only(several: Path, usual: Place) -> None:
    waiting = open_cluster(usual)
    assert isinstance(waiting, Trouble)
    assert waiting.cause is Cause.CHOOSE
    assert "sign-in" in waiting.message
    assert not (several.parent / "was-run").exists()
    failed = open_cluster(Place("own", None, "work", "rag-engine"))
    assert isinstance(failed, Trouble)
    assert failed.cause is Cause.PLUGIN
    assert (several.parent / "was-run").exists()


@pytest.mark.parametrize(
    ("content", "cause", "words"),
    [
        (None, Cause.NO_KUBECONFIG, "not there or empty"),
        ("", Cause.NO_KUBECONFIG, "not there or empty"),
        ("a: [", Cause.BROKEN_KUBECONFIG, "not valid YAML (line 1)"),
        ("clusters: 3", Cause.BROKEN_KUBECONFIG, "not a usable kubeconfig"),
        ("contexts: []\nclusters: []\nusers: []\n", Cause.NO_CONTEXT, "no current context"),
        ("current-context: x\ncontexts: []\nclusters: []\nusers: []\n", Cause.NO_CONTEXT, "no context named `x`"),
    ],
    ids=["absent", "empty", "no YAML", "no kubeconfig", "no current", "no such"],
)
def test_what_is_wrong_with_a_kubeconfig_is_told(home: Path, usual: Place, content: str | None, cause: Cause, words: str) -> None:
    if content is not None:
        (home / "config").write_text(content, encoding="utf-8")
    trouble = open_cluster(usual)
    assert isinstance(trouble, Trouble)
    assert trouble.cause is cause
    assert words in trouble.message
    assert trouble.command.startswith("kubectl config ")


def test_broken_kubeconfig_leaves_the_menu_with_the_reason(home: Path, usual: Place) -> None:
    (home / "config").write_text("a: [", encoding="utf-8")
    shown = menu(usual)
    assert shown.options == ()
    assert shown.trouble is not None
    with pytest.raises(ClusterUnavailable):
        offer(usual)


def test_cluster_that_the_course_started_is_offered(home: Path, usual: Place, session: Session) -> None:
    path = cluster_choice.practice_kubeconfig()
    path.parent.mkdir(parents=True)
    kubeconfig(path, "https://127.0.0.1:1234")
    assert [(option.value, option.host) for option in menu(usual).options] == [("practice:course", "127.0.0.1:1234")]
    assert choose(session, 1, "practice:course", "", usual) == Place("practice", str(path), "course", "rag-engine")


def test_cluster_that_the_course_started_and_that_is_gone_is_told(home: Path) -> None:
    trouble = open_cluster(Place("practice", str(home / "gone"), "practice", "rag-engine"))
    assert isinstance(trouble, Trouble)
    assert trouble.cause is Cause.NO_CONTEXT
    assert "is gone" in trouble.message


def test_cluster_that_is_in_both_files_is_offered_once(home: Path, usual: Place) -> None:
    path = cluster_choice.practice_kubeconfig()
    path.parent.mkdir(parents=True)
    for each in (path, home / "config"):
        kubeconfig(each, "https://127.0.0.1:1234")
    assert [option.value for option in menu(usual).options] == ["own:course"]


def test_choice_is_kept(session: Session, usual: Place) -> None:
    assert place_of(session, 1, usual) == usual
    assert choose(session, 1, "own:work", "team-a", usual) == Place("own", None, "work", "team-a")
    assert place_of(session, 1, usual).value == "own:work"
    assert choose(session, 1, "", " ", usual) == usual


@pytest.mark.parametrize(
    ("value", "namespace"),
    [("own:", "a"), ("/etc/passwd:x", "a"), (":x", "a"), ("own:x", "Not A Name"), ("own:x", "a" * 64), ("own:x", "../b"), ("own:x\0", "a")],
)
def test_choice_that_makes_no_sense_is_refused(session: Session, usual: Place, value: str, namespace: str) -> None:
    with pytest.raises(UsageError):
        choose(session, 1, value, namespace, usual)
    assert place_of(session, 1, usual) == usual


@pytest.mark.parametrize("kinds", [("ConfigMap", "Scrape"), ("Scrape",)], ids=["among others", "alone"])
def test_what_answers_behind_the_api_server_does_not_hide_that_credentials_are_refused(home: Path, kinds: tuple[str, ...]) -> None:
    def refuse(exchange: Exchange) -> bool:
        return exchange.refuse(401)

    with serving((), refuse) as server:
        path = kubeconfig(home / "config", url(server))
        cluster = connect(context=None, kubeconfig=str(path), timeout=3)
        if "ConfigMap" in kinds:
            with pytest.raises(ClusterUnavailable, match="does not accept the credentials"):
                cluster.snapshot(kinds, namespace="rag-engine", taken_at=datetime.now(UTC))
        else:
            assert "Scrape" in cluster.snapshot(kinds, namespace="rag-engine", taken_at=datetime.now(UTC)).unreadable


def test_kubeconfig_that_has_changed_is_noticed(home: Path, usual: Place) -> None:
    before = state_of_files(usual)
    (home / "config").write_text(json.dumps({}), encoding="utf-8")
    assert state_of_files(usual) != before
