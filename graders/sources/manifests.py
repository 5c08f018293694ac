"""Submitted YAML -> Snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import yaml

from graders.snapshot import K8sObject, Snapshot, Source


def read_texts(files: Iterable[tuple[str, bytes]], *, namespace: str, taken_at: datetime, version: str = "1.37") -> Snapshot:
    """The snapshot of files given as name and content."""
    names, objects = [], []
    for name, content in files:
        names.append(name)
        documents: list[Any] = [document for document in yaml.load_all(content, Loader=yaml.CSafeLoader) if document]
        for document in documents:
            items = document.get("items", []) if str(document.get("kind", "")).endswith("List") else [document]
            objects += [K8sObject.of(item, default_namespace=namespace, file=name) for item in items]
    return Snapshot(Source("manifests", namespace, tuple(names)), tuple(objects), taken_at)
