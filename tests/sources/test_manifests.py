"""Files, folders and standard input become one snapshot, or one clear line."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from graders.errors import UnreadableInput
from graders.snapshot import K8sObject, Snapshot
from graders.sources.manifests import MAX_BYTES, MAX_DOCUMENTS, MAX_FAULTS, MAX_VALUES, read_paths, read_texts
from tests.cases import NOON

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: rag-engine\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  a: '1'\n"


def text(content: str | bytes, name: str = "a.yaml") -> Snapshot:
    return read_texts([(name, content.encode() if isinstance(content, str) else content)], namespace="rag-engine", taken_at=NOON)


def paths(*names: object, stdin: bytes | None = None) -> Snapshot:
    given = io.BytesIO(stdin) if stdin is not None else None
    return read_paths([str(name) for name in names], namespace="rag-engine", taken_at=NOON, stdin=given)


def refs(snapshot: Snapshot) -> list[str]:
    return [item.ref for item in snapshot.objects]


def line(item: K8sObject, dotted: str) -> int | None:
    return item.at(dotted).line


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9))
ONE_LINE = {
    "helm-condition": ("{{- if .Values.on }}\nkind: Namespace\n{{- end }}\n", 1, "It is a template"),
    "helm-value": ("kind: Namespace\nmetadata:\n  name: {{ .Values.name }}\n", 3, "It is a template"),
    "jinja": ("{% for name in names %}\nkind: Namespace\n", 1, "It is a template"),
    "utf-16": ("kind: Namespace\n".encode("utf-16"), None, "UTF-16"),
    "utf-16-without-mark": ("kind: Namespace\n".encode("utf-16-le"), None, "UTF-16"),
    "binary": (b"\x7fELF\x02\x01\x01\x00\x00", 1, "binary"),
    "archive": (b"\x1f\x8b\x08\x00\x00\x00", None, "archive"),
    "latin-1": ("kind: Namespace\ntown: Zürich\n".encode("latin-1"), 2, "not UTF-8"),
    "huge": (b"a: " + b"x" * MAX_BYTES, None, "larger than 1 MB"),
    "tab": ("kind: Namespace\nmetadata:\n\tname: a\n", 3, "tab"),
    "tab-after-spaces": ("kind: Namespace\nmetadata:\n  \tname: a\n", 3, "tab"),
    "open-quote": ('kind: "Namespace\nmetadata: {}\n', 1, "not closed"),
    "open-bracket": ("kind: Namespace\na: [1, 2\nb: 3\n", None, "not closed"),
    "escape": ('kind: "a\\d"\n', 1, "backslash"),
    "at-sign": ("image: @sha256\n", 1, "`@`"),
    "colon-in-text": ("a: b: c\n", 1, "colon"),
    "indentation": ("a:\n  b: 1\n c: 2\n", 3, "indentation"),
    "item-beside-the-field": ("a: - 1\n", 1, "list item"),
    "no-colon": ("kind: Namespace\nmetadata\n  name: a\n", None, "colon"),
    "alias-of-nothing": ("a: *b\n", 1, "Quote it"),
    "infinity": ("a: .inf\n", 1, "Infinity"),
    "list": ("- a\n- b\n", 1, "It is a list"),
    "sentence": ("hello\n", 1, "single value"),
    "neither-kind-nor-version": ("replicas: 3\n", 1, "neither `apiVersion` nor `kind`"),
    "deep": ("[" * 70 + "]" * 70, 1, "levels deep"),
    "bomb": (BOMB, 6, "values"),
    "documents": ("---\n" * (MAX_DOCUMENTS + 5), MAX_DOCUMENTS, "documents"),
    "values": ("a:\n" + "- 1\n" * (MAX_VALUES + 5), None, "values"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "at", "words"), ONE_LINE.values(), ids=ONE_LINE)
def test_what_is_no_manifest_gets_one_clear_line(content: str | bytes, at: int | None, words: str) -> None:
    snapshot = text(content)
    (problem,) = snapshot.problems
    assert problem.rejected
    assert words in problem.message
    assert problem.file == "a.yaml"
    assert at is None or problem.line == at
    assert "\n" not in problem.message
    assert len(problem.message) < 200
    assert not snapshot.objects


def test_message_repeats_nothing_of_a_file() -> None:
    (problem,) = text("kind: Secret\nstringData:\n  key: 'hunter2\n").problems
    assert "hunter2" not in problem.message


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing yet\n", "---\n---\n", "null\n", "\ufeff# a mark\n"], ids=repr)
def test_file_without_an_object_is_remarked_on(content: str) -> None:
    (problem,) = text(content).problems
    assert not problem.rejected
    assert problem.message.startswith("It holds no object")


def test_documents_are_cut_where_kubectl_cuts_them() -> None:
    content = f"# first\n---\n{NAMESPACE}--- # second\n{CONFIG}---\n\n---   \n{NAMESPACE.replace('rag-engine', 'b')}"
    snapshot = text(content)
    assert refs(snapshot) == ["Namespace/rag-engine", "ConfigMap/settings", "Namespace/b"]
    assert [line(item, "metadata.name") for item in snapshot.objects] == [6, 10, 19]
    assert not snapshot.problems


def test_windows_line_ends_and_byte_order_mark_change_nothing() -> None:
    plain = f"{NAMESPACE}---\n{CONFIG}"
    odd = text(("\ufeff" + plain.replace("\n", "\r\n")).encode())
    assert [(item.ref, item.at("data.a").line) for item in odd.objects] == [
        (item.ref, item.at("data.a").line) for item in text(plain).objects
    ]


def test_what_kubectl_would_ignore_is_remarked_on() -> None:
    snapshot = text(f"{NAMESPACE}...\n{CONFIG}")
    assert refs(snapshot) == ["Namespace/rag-engine"]
    (problem,) = snapshot.problems
    assert not problem.rejected
    assert "kubectl ignores" in problem.message


def test_one_broken_document_hides_nothing_of_the_others() -> None:
    snapshot = text(f"{NAMESPACE}---\na: [\n---\n{CONFIG}")
    assert refs(snapshot) == ["Namespace/rag-engine", "ConfigMap/settings"]
    assert [problem.rejected for problem in snapshot.problems] == [True]


def test_many_faults_are_not_all_told() -> None:
    snapshot = text("---\na: 1\n" * 500 + f"---\n{NAMESPACE}")
    assert len(snapshot.problems) == MAX_FAULTS + 1
    assert "reads no further" in snapshot.problems[-1].message


LISTED = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: a}
- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}]}
"""


@pytest.mark.parametrize("kind", ["List", "ConfigMapList"])
def test_lists_are_taken_apart(kind: str) -> None:
    snapshot = text(LISTED.replace("kind: List\nitems", f"kind: {kind}\nitems"))
    assert refs(snapshot) == ["ConfigMap/a", "ConfigMap/b"]
    assert [line(item, "metadata.name") for item in snapshot.objects] == [6, 7]


def test_items_of_a_list_of_one_kind_need_not_say_it() -> None:
    snapshot = text("apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n")
    assert refs(snapshot) == ["ConfigMap/a", "ConfigMap/b"]
    assert not snapshot.objects[1].problems
    assert line(snapshot.objects[1], "metadata.name") == 5


def test_fault_within_a_list_keeps_its_place() -> None:
    snapshot = text(LISTED.replace("metadata: {name: a}", "metadata: {name: a}\n  dta: {}"))
    (problem,) = snapshot.objects[0].problems
    assert (problem.line, problem.object) == (7, "ConfigMap/a")
    assert not snapshot.objects[1].problems


def test_duplicate_key_is_an_error_with_its_place_and_the_last_one_wins() -> None:
    snapshot = text("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels: {x: '1'}\n  name: rag-engine\n")
    (item,) = snapshot.objects
    assert item.name == "rag-engine"
    (problem,) = item.problems
    assert (problem.line, problem.column, problem.path) == (6, 3, ("metadata", "name"))
    assert "line 4" in problem.message


NAMESPACE_JSON, CONFIG_JSON, LISTED_JSON = (json.dumps(yaml.safe_load(each)) for each in (NAMESPACE, CONFIG, LISTED))
JSON = {
    "one": (NAMESPACE_JSON, ["Namespace/rag-engine"]),
    "indented with tabs": (json.dumps(yaml.safe_load(NAMESPACE), indent="\t"), ["Namespace/rag-engine"]),
    "list": (LISTED_JSON, ["ConfigMap/a", "ConfigMap/b"]),
    "stream": (f"{NAMESPACE_JSON}\n{CONFIG_JSON}", ["Namespace/rag-engine", "ConfigMap/settings"]),
    "side by side": (NAMESPACE_JSON * 2, ["Namespace/rag-engine"] * 2),
    "separated": (f"{NAMESPACE_JSON}\n---\n{CONFIG}", ["Namespace/rag-engine", "ConfigMap/settings"]),
    "flow style": ("{apiVersion: v1, kind: Namespace, metadata: {name: a}}", ["Namespace/a"]),
}


@pytest.mark.parametrize(("content", "expected"), JSON.values(), ids=JSON)
def test_json_is_read_as_kubectl_reads_it(content: str, expected: list[str]) -> None:
    snapshot = text(content, "a.json")
    assert refs(snapshot) == expected
    assert not snapshot.problems


def test_json_escapes_of_two_halves_are_one_character() -> None:
    body = yaml.safe_load(CONFIG) | {"data": {"a": "😀", "b": "\\ud83d", "c": "x/y"}}
    (item,) = text(json.dumps(body)).objects
    assert dict(item.at("data").mapping) == {"a": "😀", "b": "\\ud83d", "c": "x/y"}


@pytest.mark.parametrize("character", ["\x7f", "\x85", "\u2028", "\ufffe"], ids=ascii)
def test_json_may_hold_characters_that_yaml_does_not(character: str) -> None:
    body = yaml.safe_load(CONFIG) | {"data": {"a": f"x{character}y"}}
    (item,) = text(json.dumps(body, ensure_ascii=False)).objects
    assert item.at("data.a").value == f"x{character}y"


def test_line_in_a_json_stream_counts_from_the_top() -> None:
    pretty = json.dumps(yaml.safe_load(NAMESPACE), indent=2)
    second = text(f"\n{pretty}\n\n{pretty}").objects[1]
    assert line(second, "kind") == 2 + len(pretty.splitlines()) + 1 + 2


def test_folder_is_read_with_all_below_it_in_order(tmp_path: Path) -> None:
    for name in ("b/2.yml", "a.yaml", "b/1.json", "b/deep/er.yaml", "notes.txt", ".git/hidden.yaml"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CONFIG.replace("settings", file.stem), encoding="utf-8")
    assert [os.path.relpath(str(item.file), tmp_path) for item in paths(tmp_path).objects] == [
        "a.yaml",
        "b/1.json",
        "b/2.yml",
        "b/deep/er.yaml",
    ]


def test_file_named_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(NAMESPACE, encoding="utf-8")
    (tmp_path / "link.yaml").symlink_to(file)
    assert refs(paths(file, tmp_path, file)) == ["Namespace/rag-engine"]


def test_what_is_no_object_in_a_folder_is_remarked_on_and_an_error_when_named(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("replicas: 3\n", encoding="utf-8")
    (tmp_path / "ns.yaml").write_text(NAMESPACE, encoding="utf-8")
    assert [problem.rejected for problem in paths(tmp_path).problems] == [False]
    assert [problem.rejected for problem in paths(values).problems] == [True]


def test_unreadable_file_hides_nothing_of_the_rest(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "ns.yaml").write_text(NAMESPACE, encoding="utf-8")
    snapshot = paths(tmp_path)
    assert refs(snapshot) == ["Namespace/rag-engine"]
    (problem,) = snapshot.problems
    assert problem.message.startswith("It cannot be read: ")


def test_nothing_to_read_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "deployment.yaml").write_text("# soon\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    cases = {
        str(tmp_path / "deploymnet.yaml"): f"Did you mean {tmp_path / 'deployment.yaml'}?",
        str(tmp_path / "empty"): "ls ",
        str(tmp_path / "deployment.yaml"): "Write the manifest there",
        str(tmp_path / "deployment.yaml" / "x"): "",
        "a\0b": "",
        "x" * 5000: "",
    }
    for path, words in cases.items():
        with pytest.raises(UnreadableInput) as raised:
            paths(path)
        assert raised.value.message
        assert words in raised.value.help


def test_standard_input_is_read_beside_files(tmp_path: Path) -> None:
    (tmp_path / "ns.yaml").write_text(NAMESPACE, encoding="utf-8")
    snapshot = paths(tmp_path, "-", stdin=CONFIG.encode())
    assert refs(snapshot) == ["Namespace/rag-engine", "ConfigMap/settings"]
    assert snapshot.source.files == (str(tmp_path / "ns.yaml"), "-")


def test_no_value_of_a_secret_gets_into_a_snapshot() -> None:
    canary = "c4n4ry-v4lue"
    snapshot = text(
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a, oops: {canary}}}\n"
        f"stringData: {{k: {canary}, k: {canary}2}}\ndata: {{b: {canary}}}\nimmutable: {canary}\n"
    )
    assert snapshot.objects[0].problems
    shown = repr([(dict(item.body), item.problems) for item in snapshot.objects]) + repr(snapshot.problems)
    assert canary not in shown


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda given: given.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_explained(content: bytes) -> None:
    snapshot = text(content)
    assert snapshot.objects or snapshot.problems
    for problem in snapshot.problems:
        assert problem.message


def test_largest_accepted_file_takes_little_memory() -> None:
    content = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: " + b"x" * (MAX_BYTES - 200)
    tracemalloc.start()
    try:
        assert refs(text(content)) == ["ConfigMap/a"]
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
