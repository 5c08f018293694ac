"""A bare client of the API server for tests: what kubectl would send, and the answer as it comes."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

Json = dict[str, Any]


class Api:
    """One kept-alive connection to the API server that a kubeconfig with a client certificate names."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        with tempfile.TemporaryDirectory() as folder:
            pair = Path(folder) / "client.pem"
            pair.write_bytes(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            self._context.load_cert_chain(pair)
        self._address = urlsplit(cluster["server"]).netloc
        self._connection = http.client.HTTPSConnection(self._address, context=self._context, timeout=30)
        self._version: str | None = None
        self._resources: dict[tuple[str, str], tuple[str, bool]] = {}

    def __enter__(self) -> Api:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> tuple[int, Json]:
        """Send one request; the HTTP status and the decoded answer."""
        data = json.dumps(body).encode() if body is not None else None
        try:
            self._connection.request(method, path, data, {"Content-Type": content_type, "Accept": "application/json"})
            response = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError):  # an idle connection that the server has closed
            self._connection.close()
            self._connection.request(method, path, data, {"Content-Type": content_type, "Accept": "application/json"})
            response = self._connection.getresponse()
        text = response.read()
        answer = json.loads(text) if text[:1] == b"{" else {"message": text.decode(errors="replace")}
        return response.status, answer

    def version(self) -> str:
        """The server's release, as `v1.37.2`."""
        if self._version is None:
            self._version = str(self.request("GET", "/version")[1]["gitVersion"])
        return self._version

    def minor(self) -> int:
        """The server's minor version, 37 for 1.37."""
        return int(self.version().split(".")[1])

    def path(self, body: Mapping[str, Any], namespace: str = "rag-engine") -> str:
        """The URL path of the collection that an object belongs to. Raises LookupError for a kind that is not served."""
        version, kind = str(body.get("apiVersion", "")), str(body.get("kind", ""))
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._resources:
            status, listed = self.request("GET", prefix)
            for resource in listed.get("resources", []) if status == 200 else []:
                if "/" not in resource["name"]:
                    self._resources[version, resource["kind"]] = (resource["name"], resource["namespaced"])
        if (version, kind) not in self._resources:
            raise LookupError(f"{version} {kind} is not served")
        plural, namespaced = self._resources[version, kind]
        metadata = body.get("metadata")
        where = metadata.get("namespace") if isinstance(metadata, Mapping) else None
        return f"{prefix}/namespaces/{where or namespace}/{plural}" if namespaced else f"{prefix}/{plural}"

    def create(self, body: Mapping[str, Any], namespace: str = "rag-engine", *, dry_run: bool = True) -> tuple[int, Json]:
        """Create an object with strict validation, as `kubectl apply` asks for it; status 404 when the kind is not served."""
        try:
            path = self.path(body, namespace)
        except LookupError as error:
            return 404, {"message": str(error)}
        return self.request("POST", f"{path}?fieldValidation=Strict" + ("&dryRun=All" if dry_run else ""), body)

    def put(self, body: Mapping[str, Any], namespace: str = "rag-engine") -> tuple[int, Json]:
        """Create an object, or replace the one of that name."""
        status, answer = self.create(body, namespace, dry_run=False)
        if status != 409:
            return status, answer
        return self.request("PUT", f"{self.path(body, namespace)}/{quote(body['metadata']['name'])}?fieldValidation=Strict", body)

    def delete(self, body: Mapping[str, Any], namespace: str = "rag-engine", *, wait: bool = True) -> None:
        """Delete an object with what it owns, at once; with `wait` until it is gone."""
        path = f"{self.path(body, namespace)}/{quote(body['metadata']['name'])}"
        self.request("DELETE", path, {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
        deadline = time.monotonic() + 30
        while wait and self.request("GET", path)[0] != 404:
            assert time.monotonic() < deadline, f"{path} is still there"
            time.sleep(0.02)

    def ensure_namespace(self, name: str) -> None:
        """Create a namespace if need be, and wait for its default ServiceAccount, without which no Pod is admitted."""
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, dry_run=False)
        deadline = time.monotonic() + 30
        while self.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")[0] != 200:
            assert time.monotonic() < deadline, f"namespace {name} got no default ServiceAccount"
            time.sleep(0.05)


def plain(value: Any) -> Any:
    """Frozen data as dicts and lists again."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value
