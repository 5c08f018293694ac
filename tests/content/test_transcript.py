"""What a lesson shows against what a command printed: the matcher that test_commands.py relies on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.transcript import first_difference, matches, only_reads

ALIKE = [
    ("NAME   READY", "NAME            READY"),
    ("api   3/3   12s", "api   3/3   3m4s"),
    ("api   3/3   12m", "api   3/3   4s"),
    ("node-a   Ready   node   25m   v1.37.2", "node-a   Ready   node   8s   v1.37.2"),
    ("2 (15s ago)", "2 (1m3s ago)"),
    ("created 2026-11-24T22:57:43Z", "created 2027-01-02T03:04:05Z"),
    ("Start Time: Tue, 24 Nov 2026 22:57:43 +0000", "Start Time: Wed, 25 Nov 2026 01:02:03 +0000"),
    ("rag-engine-api-79b8dbb8dd-7s57f   1/1", "rag-engine-api-dc8d5cf75-csqkl   1/1"),
    ("rag-engine-api-79b8dbb8dd   3", "rag-engine-api-7697d979dc   3"),
    ("pod-template-hash=79b8dbb8dd", "pod-template-hash=7697d979dc"),
    ("default-token-x7k2p", "default-token-m4z9q"),
    ("10.0.0.7   practice-1", "10.0.1.23   practice-3"),
    ('resourceVersion: "812"', 'resourceVersion: "90311"'),
    ("uid: 670098fb-055d-4a1a-82f2-f6d549f03395", "uid: ff2f5dd3-31ae-4a88-8f4a-d748fb2d9764"),
    ("pvc-670098fb-055d-4a1a-82f2-f6d549f03395", "pvc-ff2f5dd3-31ae-4a88-8f4a-d748fb2d9764"),
    ("80:31234/TCP", "80:30999/TCP"),
    ("server v1.37…", "server v1.37.2 and more"),
    ("…", "anything"),
    ("Error: …json: a…", "Error: v1.ConfigMap.json: a number"),
    ("Normal   Pulled   2s", "Normal   Pulled   0s (x6 over 61s)"),
    ("Normal   Pulled   5s (x2 over 8s)", "Normal   Pulled   1s"),
    ("(.*) [a] a+b", "(.*) [a] a+b"),
]
OTHERWISE = [
    ("api   3/3", "api   2/3"),
    ("api   3/3   12s", "api   3/3"),
    ("cpu: 250m", "cpu: 500m"),
    ("rag-engine-api", "rag-engine-web"),
    ("a.b", "axb"),
    ("443/TCP", "8443/TCP"),
    ("server v1.37…", "server v1.36.3"),
    ("Error: …json: a", "Error: v1.ConfigMap.json: b"),
    ("deployment.apps/api created", "deployment.apps/api configured"),
    ("10.0.0.0/8", "10.1.0.0/8"),
]


@pytest.mark.parametrize(("shown", "printed"), ALIKE)
def test_line_matches_anything_of_its_kind(shown: str, printed: str) -> None:
    assert matches([shown], [printed])
    assert matches([shown], [shown])


@pytest.mark.parametrize(("shown", "printed"), OTHERWISE)
def test_line_does_not_match_what_means_something_else(shown: str, printed: str) -> None:
    assert not matches([shown], [printed])


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ("a|b", "a|b", True),
        ("a|b", "a|b|c", False),
        ("a|…", "a|b|c", True),
        ("…|c", "a|b|c", True),
        ("…|b|…", "a|b|c", True),
        ("…|b", "a|b|c", False),
        ("a|…|a|…|b", "a|x|a|y|b", True),
        ("…", "", True),
        ("a|…|b", "a|b", True),
        ("b|a", "a|b", False),
        ("a||b", "a|b", True),
        ("a", "", False),
    ],
)
def test_lines_are_compared_in_order(shown: str, printed: str, alike: bool) -> None:
    assert matches(shown.split("|"), printed.split("|")) is alike


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ("a|b", "b|a", True),
        ("a|a", "a|b", False),
        ("a|b", "b|a|c", False),
        ("a|…", "b|a|c", True),
        ("a…|ab", "ab|ac", True),  # the first line could take either; the second only one
        ("…|a", "b", False),
    ],
)
def test_lines_in_any_order(shown: str, printed: str, alike: bool) -> None:
    assert matches(shown.split("|"), printed.split("|"), any_order=True) is alike


def test_running_command_may_print_more() -> None:
    assert matches(["a"], ["a", "b"], open_end=True)
    assert not matches(["a", "b"], ["a"], open_end=True)


_lines = st.lists(st.sampled_from(["a", "b", "c"]), max_size=6)


@given(_lines, st.data())
def test_lines_left_out_always_match(lines: list[str], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(begin, len(lines)))
    assert matches([*lines[:begin], "…", *lines[end:]], lines)


@given(_lines, _lines)
def test_order_matters_unless_it_is_said_not_to(shown: list[str], printed: list[str]) -> None:
    assert matches(shown, printed) == (shown == printed)
    assert matches(shown, printed, any_order=True) == (sorted(shown) == sorted(printed))


@pytest.mark.parametrize(
    ("shown", "printed", "line"),
    [("a|b|c", "a|x|c", "b"), ("a|…|d", "a|b|c", "d"), ("a", "a|b", "(more lines than the lesson shows)"), ("a", "a", "")],
)
def test_first_difference_is_told(shown: str, printed: str, line: str) -> None:
    assert first_difference(shown.split("|"), printed.split("|")) == line


@pytest.mark.parametrize(
    ("command", "reads"),
    [
        ("kubectl get pods", True),
        ("kubectl -n kube-system get pods -o wide | grep dns", True),
        ("kubectl get pods --namespace rag-engine; kubectl top pods", True),
        ("KUBECONFIG=/nowhere kubectl get nodes", True),
        ("kubectl rollout status deployment/api", True),
        ("kubectl rollout restart deployment/api && kubectl rollout status deployment/api", False),
        ("kubectl apply -f a.yaml", False),
        ("kubectl apply -f a.yaml --dry-run=server", True),
        ("kubectl auth can-i get pods", True),
        ("kubectl config view --minify", True),
        ("kubectl config set-context --current --namespace=rag-engine", False),
        ("kubectl get deployment api -o yaml > deployment.yaml", False),
        ("kubectl get nodes -o name | xargs kubectl uncordon", False),
        ("grade lesson-7 -f .", True),
        ("course doctor", True),
        ("course start lesson-7", False),
        ("course cluster status", True),
        ("kubectl drain node-1; kubectl get pods", False),
        ("kubectl get secret a -o jsonpath='{.data.x}' | base64 -d", True),
        ("cat <<'END'\na\nEND", False),
        ("kubectl", False),
        ("echo 'not closed", False),
    ],
)
def test_what_only_reads_may_be_asked_again(command: str, reads: bool) -> None:
    assert only_reads(command) is reads
