"""The course's own manifests, rendered as an administrator would, and what its lessons call the same things."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.cases import ROOT

DEPLOY = ROOT / "deploy"
SECRETS = {"course-secret": "Zr3-uV9_kQ1mXs7pLw5tNd8bGf2hJy6cAe4oRi0y", "database-password": "Kq8_dW2-nB6vRz4xTm9jLs3gPf7hCy1e"}
_NAMESPACE = "rag-engine"

# What the lessons ask for by name is the example application's; this is where the course has the same thing.
NAMES = {
    ("Namespace", "course"): "rag-engine",
    ("ConfigMap", "course-config"): "rag-engine-config",
    ("Secret", "course-secrets"): "rag-engine-secrets",
    ("ServiceAccount", "course"): "rag-engine",
    ("Deployment", "course"): "rag-engine-api",
    ("Service", "course"): "rag-engine-api",
    ("Ingress", "course"): "rag-engine-ingress",
    ("HorizontalPodAutoscaler", "course"): "rag-engine-api-hpa",
    ("PodDisruptionBudget", "course"): "rag-engine-api-pdb",
    ("ServiceMonitor", "course"): "rag-engine-metrics",
    ("PrometheusRule", "course"): "rag-engine-alerts",
    ("Schedule", "course-daily"): "rag-engine-daily",
    # The application keeps its data in Qdrant, the course in PostgreSQL.
    ("StatefulSet", "database"): "qdrant",
    ("Service", "database"): "qdrant",
}
LABELS = {"course": "rag-engine-api", "database": "qdrant"}
PORTS: dict[Any, Any] = {8610: 8000, 5432: 6333}
TEXTS = {
    "/healthz": "/health",
    "/readyz": "/health/ready",
    "/data": "/app/cache",
    "/var/lib/postgresql/data": "/qdrant/storage",
    "/var/lib/postgresql/data/pgdata": "/qdrant/storage/pgdata",
}
KEYS = {"course-secret": "jwt-secret"}
# Which kind of object a field names.
_REFERENCES = {
    "serviceAccountName": "ServiceAccount",
    "secretKeyRef": "Secret",
    "configMapRef": "ConfigMap",
    "scaleTargetRef": "Deployment",
    "service": "Service",
    "serviceName": "Service",
}


def render(folder: Path) -> str:
    """The example, filled in and rendered by kubectl in a copy below `folder`."""
    copy = folder / "deploy"
    shutil.copytree(DEPLOY, copy)
    for name, value in SECRETS.items():
        (copy / "example" / "secrets" / name).write_text(value, encoding="utf-8")
    kubectl = Path(sys.executable).with_name("kubectl")
    ran = subprocess.run([kubectl, "kustomize", copy / "example"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def objects(rendered: str) -> list[dict[str, Any]]:
    """What it consists of."""
    return [each for each in yaml.safe_load_all(rendered) if each]


def as_the_lessons_say(body: dict[str, Any]) -> dict[str, Any]:
    """The same object under the names that the lessons ask for."""
    kind, metadata = body["kind"], body["metadata"]
    renamed: dict[str, Any] = _walk(body, "")
    renamed["metadata"]["name"] = _name(kind, metadata["name"])
    if kind == "Namespace":
        renamed["metadata"]["labels"]["app"] = "rag-engine"
    if kind == "Secret":
        renamed["data"] = {KEYS.get(key, key): value for key, value in body["data"].items()}
    if kind == "PrometheusRule":
        for rule in renamed["spec"]["groups"][0]["rules"]:
            rule["expr"] = (
                rule["expr"].replace('namespace="course"', f'namespace="{_NAMESPACE}"').replace('job="course"', 'job="rag-engine-api"')
            )
    return renamed


def _name(kind: str, name: str) -> str:
    if kind == "Secret":
        name = name.rpartition("-")[0] if name.startswith("course-secrets-") else name  # kustomize adds a digest
    return NAMES.get((kind, name), name)


def _walk(value: Any, field: str) -> Any:
    if isinstance(value, dict):
        return {key: _entry(key, each, field) for key, each in value.items()}
    if isinstance(value, list):
        return [_NAMESPACE if field == "includedNamespaces" and each == "course" else _walk(each, field) for each in value]
    if field in ("port", "containerPort", "targetPort") and value in PORTS:
        return PORTS[value]
    if field == "values":
        return LABELS.get(value, value)
    return TEXTS.get(value, value) if isinstance(value, str) else value


def _entry(key: str, value: Any, field: str) -> Any:
    if key == "namespace" and value == "course":
        return _NAMESPACE
    if key == "app":
        return LABELS.get(value, value)
    if key in ("serviceAccountName", "serviceName") and isinstance(value, str):
        return _name(_REFERENCES[key], value)
    if key == "name" and field in _REFERENCES:
        return _name(_REFERENCES[field], value)
    if key == "key" and field == "secretKeyRef":
        return KEYS.get(value, value)
    return _walk(value, key)
