"""Credential plugins: the program that a kubeconfig's user names is run, within a time limit, and answers with a token or a certificate.

The `kubernetes` package runs them too, but waits for them without limit and goes on without credentials when they fail. Its reading of
the plugin's settings is used; running it and judging its answer is ours. See
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

from graders.errors import ClusterUnavailable
from graders.sources.cluster_errors import Target


def credentials(settings: Any, folder: str, cluster: Any, target: Target, timeout: float) -> dict[str, str]:
    """What a plugin answers, as the keys of a kubeconfig's user: `token`, or client certificate and key.

    `settings` and `cluster` are the library's nodes of `exec` and of the cluster, relative paths start in `folder`. Raises
    ClusterUnavailable when the plugin cannot be started, fails, takes longer than `timeout` seconds, or gives no credentials; what it
    printed is not repeated, for it may be a credential.
    """
    from kubernetes.config.exec_provider import ExecProvider

    provider = ExecProvider(settings, folder, cluster)  # type: ignore[no-untyped-call] # the package has no types here
    name = f"The credential plugin of user `{target.user}`, `{provider.args[0]}`,"
    if settings.safe_get("interactiveMode") == "Always":
        raise _failed(target, f"{name} wants to ask you something.")
    output = _run(provider, name, str(settings.safe_get("installHint") or ""), target, timeout)
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        answer = None
    status = answer.get("status") if isinstance(answer, Mapping) else None
    if not isinstance(answer, Mapping) or not isinstance(status, Mapping) or answer.get("kind") != "ExecCredential":
        raise _failed(target, f"{name} printed something other than a credential.")
    if answer.get("apiVersion") != provider.api_version:
        message = f"{name} does not answer in version {provider.api_version}, which the kubeconfig asks for."
        raise target.unavailable(
            message, "Update the plugin, and write the kubeconfig again with your provider's command", "kubectl auth whoami"
        )
    found = {"token": status.get("token")}
    for key, source in (("client-certificate-data", "clientCertificateData"), ("client-key-data", "clientKeyData")):
        pem = status.get(source)
        found[key] = base64.b64encode(pem.encode()).decode() if isinstance(pem, str) else None
    given = {key: value for key, value in found.items() if isinstance(value, str) and value}
    if not given:
        raise _failed(target, f"{name} gave neither a token nor a certificate.")
    return given


def _failed(target: Target, message: str) -> ClusterUnavailable:
    return target.unavailable(message, "Sign in as your provider's documentation says", "kubectl auth whoami")


def _run(provider: Any, name: str, hint: str, target: Target, timeout: float) -> bytes:
    spec: dict[str, Any] = {"interactive": False}
    if provider.cluster:
        spec["cluster"] = {key: value for key, value in provider.cluster.value.items() if key != "extensions"}
        for extension in provider.cluster.value.get("extensions") or ():
            if extension["name"] == "client.authentication.k8s.io/exec":
                spec["cluster"]["config"] = extension["extension"]
    info = {"apiVersion": provider.api_version, "kind": "ExecCredential", "spec": spec}
    try:
        process = subprocess.Popen(  # noqa: S603 - the kubeconfig is the learner's own, and kubectl runs the same program
            provider.args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=provider.cwd,
            env={**provider.env, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            start_new_session=True,  # so that what it starts can be ended with it
        )
    except (OSError, ValueError, TypeError) as error:
        advice = " ".join(hint.split()).rstrip(".") if hint.isprintable() or "\n" in hint else ""
        raise target.unavailable(f"{name} cannot be started.", advice or "Install it", "kubectl auth whoami") from error
    try:
        output, _ = process.communicate(timeout=timeout)
    except BaseException as error:
        _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise _failed(target, f"{name} did not finish within {timeout:g} s.") from error
        raise
    if process.returncode:
        raise _failed(target, f"{name} failed with exit status {process.returncode}.")
    return output


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a plugin and what it has started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
