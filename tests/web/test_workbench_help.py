"""What the editor knows of fields: the committed help, how it is served, and how a place of a text is found."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.services import schema_help
from graders.kinds import KINDS
from tests.web.client import Client
from tools import build_schema_help

PLACE = Path(__file__).parents[2] / "static" / "editor" / "src" / "place.js"


def test_committed_help_is_what_the_definitions_make() -> None:
    pytest.importorskip("kubernetes_validate", reason="the definitions come with kubernetes-validate")
    assert build_schema_help.build() == build_schema_help.HELP.read_text(encoding="utf-8"), "run: python tools/build_schema_help.py"


def test_every_kind_that_a_learner_writes_has_help() -> None:
    served = {kind for kinds in schema_help.kinds().values() for kind in kinds}
    not_written = {"NodeMetrics", "Node", "Event", "EndpointSlice", "Version", "APIGroup", "SelfSubjectAccessReview", "Scrape"}
    written = {kind.name for kind in KINDS.values() if kind.api_version in schema_help.kinds()} - not_written
    assert written <= served
    assert {"Deployment", "HorizontalPodAutoscaler", "ServiceMonitor", "Schedule", "HTTPRoute", "PrometheusRule"} <= served


@pytest.mark.parametrize(("version", "kind"), [(version, kind) for version, kinds in schema_help.kinds().items() for kind in kinds])
def test_help_of_a_kind_holds_all_types_that_it_names(version: str, kind: str) -> None:
    found = schema_help.of_kind(version, kind)
    assert found is not None
    data = json.loads(found)
    leaves = {"string", "boolean", "int32", "int64", "intOrString", "quantity", "time", "microTime", "bytes", "any", "number"}
    for fields in data["types"].values():
        for entry in fields.values():
            held = entry[0].lstrip("[]{}")
            assert held in data["types"] or held in leaves, entry
            assert len(entry) <= 4
    assert data["root"] in data["types"]
    assert "status" not in data["types"][data["root"]]


def test_a_field_has_type_meaning_and_default() -> None:
    types: dict[str, Any] = json.loads(schema_help.of_kind("apps/v1", "Deployment") or b"")["types"]
    assert types["apps.v1.DeploymentSpec"]["replicas"] == ["int32", "Number of desired pods", "1"]
    assert types["core.v1.Container"]["imagePullPolicy"][3] == ["IfNotPresent", "Always", "Never"]
    assert types["apps.v1.DeploymentSpec"]["template"][0] == "core.v1.PodTemplateSpec"


def test_help_is_served_by_kind_and_may_be_kept(client: Client) -> None:
    answer = client.get("/api/schema/apps/v1/Deployment")
    assert answer.status_code == 200
    assert "max-age" in answer.headers["cache-control"]
    assert answer.json()["root"] == "apps.v1.Deployment"
    assert client.get("/api/schema/v1/ConfigMap").json()["root"] == "core.v1.ConfigMap"
    assert client.get("/api/schema").json()["v1"].count("Pod") == 1


@pytest.mark.parametrize("path", ["apps/v1/Nonsense", "v9/Pod", "x/y/z/Deployment", "apps/v1/deployment"])
def test_no_help_is_404_as_data(client: Client, path: str) -> None:
    answer = client.get(f"/api/schema/{path}")
    assert answer.status_code == 404
    assert "There is no help for" in answer.json()["error"]


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  template:
    spec:
      containers:
      - name: api
        env:
          - name: A
            valueFrom:
              configMapKeyRef:
                |
"""

# A text with `|` where the cursor is, and the path to it.
PLACES = {
    "root": ("|", []),
    "below-a-key": ("spec:\n  |", ["spec"]),
    "half-typed": ("spec:\n  repl|", ["spec"]),
    "list-at-the-column-of-its-key": ("spec:\n  containers:\n  - na|", ["spec", "containers", "[]"]),
    "list-further-in": ("spec:\n  containers:\n    - na|", ["spec", "containers", "[]"]),
    "second-key-of-an-item": ("spec:\n  containers:\n  - name: a\n    im|", ["spec", "containers", "[]"]),
    "second-item": ("spec:\n  containers:\n  - name: a\n    image: b\n  - na|", ["spec", "containers", "[]"]),
    "after-the-list": ("spec:\n  containers:\n  - name: a\n  rest|", ["spec"]),
    "beside-the-dashes": ("spec:\n  containers:\n    - name: a\n    |", ["spec", "containers"]),
    "list-of-lists": ("a:\n  - - b: 1\n      c|", ["a", "[]", "[]"]),
    "key-after-a-dash-opens-a-map": ("metrics:\n  - resource:\n      na|", ["metrics", "[]", "resource"]),
    "deep": (DEPLOYMENT, ["spec", "template", "spec", "containers", "[]", "env", "[]", "valueFrom", "configMapKeyRef"]),
    "comments-and-empty-lines": ("spec:\n\n# a comment\n  # another\n\n  |", ["spec"]),
    "second-document": ("spec:\n  a: 1\n---\nmeta|", []),
    "document-with-a-comment": ("a:\n--- # next\n  |", []),
    "quoted-key": ('"spec":\n  |', ["spec"]),
    "key-with-slash": ("labels:\n  app.kubernetes.io/name: x\n  a|", ["labels"]),
    "inside-a-text": ("data:\n  a: |+\n    key: 1\n    |", None),
    "broken-above": ("spec:\n  a: [\n  b: }\n  c|", ["spec"]),
    "value-with-colon": ("spec:\n  image: a:b\n  c|", ["spec"]),
}

_RUN = """
import { headOf, keysBeside, pathTo, typeAt, inWords, indentAfter } from "./place.js";
let text = "";
for await (const piece of process.stdin) text += piece;
const cases = JSON.parse(text);
console.log(JSON.stringify(cases.map(([name, ...given]) => {
  const result = { headOf, keysBeside, pathTo, typeAt, inWords, indentAfter }[name](...given);
  return result instanceof Set ? [...result].sort() : result;
})));
"""


def run(tmp_path: Path, *cases: list[Any]) -> list[Any]:
    """Call functions of place.js: `[name, argument, …]` each."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not there, so the editor's scripts cannot be run here")
    shutil.copy(PLACE, tmp_path / "place.js")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "run.js").write_text(_RUN)
    done = subprocess.run([node, str(tmp_path / "run.js")], input=json.dumps(cases), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def cursor(text: str) -> tuple[list[str], int, int]:
    """The lines of a text, and line and key column of its last `|`."""
    before, _, after = text.rpartition("|")
    at = before.count("\n")
    line = before.split("\n")[-1]
    lead = len(line) - len(line.lstrip(" -"))
    return (before + after).rstrip("\n").split("\n"), at, lead


def test_place_is_found_by_indentation(tmp_path: Path) -> None:
    found = run(tmp_path, *(["pathTo", *cursor(text)] for text, _ in PLACES.values()))
    assert dict(zip(PLACES, found, strict=True)) == {name: path for name, (_, path) in PLACES.items()}


def test_head_keys_and_indentation(tmp_path: Path) -> None:
    lines = [
        "apiVersion: apps/v1 # c",
        "kind: 'Deployment'",
        "---",
        "kind: Pod",
        "spec:",
        "  containers:",
        "  - name: a",
        "    image: b",
        "    x",
    ]
    found = run(
        tmp_path,
        ["headOf", lines, 0],
        ["headOf", lines, 4],
        ["keysBeside", lines, 8, 4],
        ["keysBeside", lines, 4, 0],
        *(["indentAfter", line] for line in ("spec:", "  - name: a", "  - env:", "  a: |", "a: 1", "    ", "  # c", "  a: # c")),
        ["inWords", "[]core.v1.Container"],
        ["inWords", "{}quantity"],
        ["typeAt", {"root": "A", "types": {"A": {"b": ["[]B"], "c": ["{}string"]}, "B": {"d": ["int32"]}}}, ["b", "[]", "d"]],
        ["typeAt", {"root": "A", "types": {"A": {"b": ["[]B"]}}}, ["b", "x", "y"]],
    )
    assert found == [
        {"apiVersion": "apps/v1", "kind": "Deployment"},
        {"apiVersion": "", "kind": "Pod"},
        ["image", "name"],
        ["kind"],
        *(2, 4, 6, 4, 0, 4, 2, 4),
        "list of Container",
        "map to quantity",
        "int32",
        None,
    ]
