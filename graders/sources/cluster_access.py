"""Kubeconfig, or a Pod's service account -> a client of the `kubernetes` package that is ready to ask.

The package reads and merges the files; it is never asked to write them. What it does otherwise than kubectl is set right here: which file's
current context counts, users that are not there, impersonation, credential plugins, proxies for this machine's own address. See
https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/.
"""

from __future__ import annotations

import gc
import os
import re
import ssl
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from graders.errors import ClusterUnavailable
from graders.sources.cluster_errors import Target

_DEFAULT = "~/.kube/config"
_LOOK = "Look at it with: kubectl config view"
_FILES = threading.Lock()
_CONNECTIONS = 64  # kept open; more than there are kinds, since each watch holds one


@dataclass(frozen=True, slots=True)
class Access:
    """A client that can ask one cluster. `headers` go with each request; `namespace` is the context's default, None in a Pod."""

    api: Any
    headers: tuple[tuple[str, str], ...]
    target: Target
    namespace: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A context: where its API server is (empty when the files do not say), its default namespace, and the program that signs in to it
    (empty when none does)."""

    name: str
    host: str
    namespace: str
    plugin: str


@dataclass(frozen=True, slots=True)
class Choices:
    """The contexts of kubeconfig files, as `shown` names them, and the current one (empty when there is none). Nothing is secret."""

    shown: str
    current: str
    contexts: tuple[Offer, ...]


def load(*, context: str | None, kubeconfig: str | None, timeout: float) -> Access:
    """Access to the cluster that kubectl would talk to: by `kubeconfig`, else KUBECONFIG, else ~/.kube/config, else as a Pod.

    A credential plugin is run, for `timeout` seconds at most. Raises ClusterUnavailable, whatever the files hold.
    """
    named = files_named(kubeconfig)
    files = [path for path in named if _holds_something(path)]
    if not files:
        if kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
            return _in_pod(context)
        raise _no_kubeconfig(named, kubeconfig)
    shown = " and ".join(_shown(path) for path in files)
    with _told(shown):
        return _from_files(files, shown, context, f" --kubeconfig {_quoted(kubeconfig)}" if kubeconfig else "", timeout)


def choices(kubeconfig: str | None) -> Choices | None:
    """What there is to choose from in the files that `load` would read; None when there are none. Runs no plugin.

    Raises ClusterUnavailable when they are no kubeconfig.
    """
    files = [path for path in files_named(kubeconfig) if _holds_something(path)]
    if not files:
        return None
    shown = " and ".join(_shown(path) for path in files)
    with _told(shown):
        _, kube_config = _library()
        merged = kube_config.KubeConfigMerger(os.pathsep.join(files))
        config = _Config(merged.config, shown)
        clusters, users = config.bodies("clusters"), config.bodies("users")
        found = tuple(_offer(name, held, clusters, users) for name, held in config.bodies("contexts").items())
        return Choices(shown, _current_context(merged.config_files.values()), found)


def _offer(name: str, held: Mapping[str, Any], clusters: Mapping[str, Any], users: Mapping[str, Any]) -> Offer:
    server = clusters.get(_text(held.get("cluster")), {}).get("server")
    host = urlsplit(server).netloc.rpartition("@")[2] if isinstance(server, str) else ""
    user = users.get(_text(held.get("user")), {})
    plugin = _text((user.get("exec") or {}).get("command")) if not user.get("token") and not user.get("tokenFile") else ""
    return Offer(name, host, _text(held.get("namespace")) or "default", Path(plugin).name)


def files_named(kubeconfig: str | None) -> list[str]:
    """The paths of the kubeconfig files that kubectl would read, whether they are there or not."""
    source = kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT
    return [os.path.expanduser(path) for path in source.split(os.pathsep) if path]  # noqa: PTH111 - as kubectl is given it


@contextmanager
def _told(shown: str) -> Iterator[None]:
    """Whatever exception an odd file leads the package to becomes ClusterUnavailable."""
    try:
        yield
    except ClusterUnavailable:
        raise
    except Exception as error:
        raise ClusterUnavailable(f"{shown} is not a usable kubeconfig{_why(error)}.", help=_LOOK) from error


def _holds_something(path: str) -> bool:
    # A file that a shell hands over (`<(command)`) has no size, either.
    file = Path(path)
    return "\0" not in path and file.exists() and path != os.devnull and not (file.is_file() and file.stat().st_size == 0)


def _no_kubeconfig(named: list[str], kubeconfig: str | None) -> ClusterUnavailable:
    where = " and ".join(_shown(path) for path in named)
    if kubeconfig or os.environ.get("KUBECONFIG"):
        option = "--kubeconfig" if kubeconfig else "KUBECONFIG"
        return ClusterUnavailable(f"{option} names {where}, which is not there or empty.", help="Check with: kubectl config view")
    advice = "Start a cluster, or name its file with --kubeconfig; to grade files instead, add -f FILE. Check with: kubectl config view"
    return ClusterUnavailable(f"There is no kubeconfig: KUBECONFIG is not set, and {where} is not there or empty.", help=advice)


def _shown(path: str) -> str:
    home = str(Path.home())
    return "~" + path[len(home) :] if path.startswith(home + os.sep) and home != os.sep else path


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


def _why(error: Exception) -> str:
    """What is known of the reason, without an excerpt of the file."""
    if isinstance(error, OSError):
        return f": it cannot be read ({error.strerror or 'no reason given'})"
    if isinstance(error, RecursionError):
        return ": it is nested too deeply"
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f": it is not valid YAML (line {mark.line + 1})"
    # The package's own messages may repeat the entry that they are about, with its token.
    missing = re.search(r"[Ee]xpected key (\S+) in |missing key '(\S+)'|File does not exist: (.+)", str(error))
    return f": `{missing[1] or missing[2] or missing[3]}` is missing" if missing else ""


def _library() -> tuple[Any, Any]:
    """The modules of the package that are used. Importing it is most of what a run costs."""
    first, collecting = "kubernetes" not in sys.modules, gc.isenabled()
    gc.disable()
    try:
        from kubernetes import client
        from kubernetes.config import kube_config
    finally:
        if first:
            gc.freeze()  # its classes stay to the end; looking through them for garbage costs an eighth of a run
        if collecting:
            gc.enable()
    return client, kube_config


@dataclass(frozen=True, slots=True)
class _Config:
    """Kubeconfig files, merged by the package: its nodes of the clusters, contexts and users by name."""

    root: Any
    shown: str

    def names(self, section: str) -> list[str]:
        return [_text(entry["name"]) for entry in self.root.value.get(section) or ()]

    def bodies(self, section: str) -> dict[str, Mapping[str, Any]]:
        """What the entries of a section hold, by name."""
        held = {name: self.root[section].get_with_name(name).safe_get(section[:-1]) for name in self.names(section)}
        return {name: body if isinstance(body, Mapping) else {} for name, body in held.items()}

    def node(self, section: str, name: str, of: str) -> Any:
        """The node of an entry. Raises ClusterUnavailable, with the nearest name, when there is none."""
        names = self.names(section)
        if name not in names:
            close = get_close_matches(name, names, n=1)
            meant = f" Did you mean `{close[0]}`?" if close else f" It has {_listed(names)}." if names else ""
            raise ClusterUnavailable(
                f"{self.shown} has no {section[:-1]} named `{name}`{of}.{meant}", help="List them with: kubectl config get-contexts"
            )
        return self.root[section].get_with_name(name)


def _text(value: Any) -> str:
    """A name; empty when there is none. Raises TypeError for what cannot be one."""
    if value is not None and not isinstance(value, str):
        raise TypeError("a name is a string")
    return value or ""


def _listed(names: list[str]) -> str:
    return "`" + "`, `".join(names[:5]) + "`" + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _from_files(files: list[str], shown: str, context: str | None, flags: str, timeout: float) -> Access:
    client, kube_config = _library()
    merged = kube_config.KubeConfigMerger(os.pathsep.join(files))
    config = _Config(merged.config, shown)
    name = context or _current_context(merged.config_files.values())
    if not name:
        raise ClusterUnavailable(
            f"{shown} has no current context, so no cluster is chosen.",
            help="List them with: kubectl config get-contexts, and choose one with: kubectl config use-context NAME",
        )
    chosen = config.node("contexts", name, "").value.get("context") or {}
    of = f", which context `{name}` names"
    cluster = config.node("clusters", _text(chosen.get("cluster")), of)
    user_name = _text(chosen.get("user"))
    user = config.node("users", user_name, of) if user_name else None
    server, host = _server(shown, cluster)
    target = Target(host, name, user_name or "system:anonymous", f"{flags} --context {_quoted(name)}")
    if user is not None:
        _sign_in(user, cluster, target, timeout)

    headers = _impersonation((user.value.get("user") if user else None) or {})
    # The package writes certificates and keys to files, which would stay when the program is ended, and shares them between loaders.
    with _FILES, TemporaryDirectory() as folder:
        loader = kube_config.KubeConfigLoader(config_dict=merged.config, active_context=name, config_base_path=None, temp_file_path=folder)
        configuration = client.Configuration()
        loader.load_and_set(configuration)
        configuration.host = server
        _choose_proxy(configuration, cluster["cluster"].safe_get("proxy-url"), target)
        return _access(client, configuration, headers, target, _text(chosen.get("namespace")) or "default")


def _current_context(files: Iterable[Any]) -> str:
    """As in kubectl, that of the first file which has one; the package takes the last."""
    return next((_text(file["current-context"]) for file in files if file.get("current-context")), "")


def _server(shown: str, cluster: Any) -> tuple[str, str]:
    """The URL of the API server, and its host and port for sentences."""
    url = cluster.value["cluster"].get("server")
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        problem = "has no `server`" if not url else "has a `server` that is no http or https URL"
        raise ClusterUnavailable(f"Cluster `{cluster['name']}` in {shown} {problem}.", help=_LOOK)
    _ = parts.port  # raises ValueError when it is none
    return url.rstrip("/"), parts.netloc.rpartition("@")[2]


def _sign_in(node: Any, cluster: Any, target: Target, timeout: float) -> None:
    """Put the credentials that a user has to fetch into its entry, in memory, so that the package finds them there."""
    user = node.value.get("user")
    if not isinstance(user, dict):
        node.value["user"] = {}
        return
    provider = user.pop("auth-provider", None)
    if provider is not None:
        # kubectl would renew an OpenID Connect token and write the new one down. Renewing without writing would sign the learner out.
        settings = provider.get("config") or {}
        if provider.get("name") != "oidc" or not settings.get("id-token"):
            message = f"User `{target.user}` signs in through an `auth-provider`, which Kubernetes has retired."
            raise target.unavailable(message, "Set up your provider's credential plugin", "kubectl auth whoami")
        user["token"] = str(settings["id-token"])
    if user.get("exec") and not user.get("token") and not user.get("tokenFile"):
        from graders.sources.cluster_plugin import credentials

        folder = str(Path(node.path or "").absolute().parent)
        user.update(credentials(node["user"]["exec"], folder, cluster["cluster"], target, timeout))
    user.pop("exec", None)


def _impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/"""
    headers = [("Impersonate-User", user.get("as")), ("Impersonate-Uid", user.get("as-uid"))]
    headers += [("Impersonate-Group", group) for group in user.get("as-groups") or ()]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{key}", value) for value in values]
    return tuple((key, str(value)) for key, value in headers if value)


def _choose_proxy(configuration: Any, url: str | None, target: Target) -> None:
    """As kubectl: `proxy-url` before all; the environment's proxies are not for this machine itself."""
    if url:
        import importlib.util

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "socks5", "socks5h") or not parts.hostname:
            raise target.unavailable(
                f"The `proxy-url` of context `{target.context}` is not the URL of a proxy.", "", "kubectl config view --minify"
            )
        if parts.scheme.startswith("socks") and importlib.util.find_spec("socks") is None:
            message = f"Context `{target.context}` is reached through a SOCKS proxy, which needs one more package."
            raise ClusterUnavailable(message, help="Install it with: pip install pysocks")
        configuration.no_proxy = None
    elif (urlsplit(configuration.host).hostname or "").strip("[]") in ("localhost", "::1") or "//127." in configuration.host:
        configuration.proxy = None


def _in_pod(context: str | None) -> Access:
    """The service account of the Pod that we run in: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/"""
    if context is not None:
        advice = "Leave --context out, or name the file with --kubeconfig. Check with: kubectl config view"
        raise ClusterUnavailable(f"There is no kubeconfig, so there is no context named `{context}`.", help=advice)
    client, _ = _library()
    from kubernetes.config import ConfigException, load_incluster_config

    configuration = client.Configuration()
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call] # the package has no types here
    except (ConfigException, OSError) as error:
        advice = "Let the Pod mount one (automountServiceAccountToken), or name a file with --kubeconfig. Check with: kubectl config view"
        raise ClusterUnavailable("There is no kubeconfig, and no usable service account token in this Pod.", help=advice) from error
    target = Target(urlsplit(configuration.host).netloc, None, "the Pod's service account", "")
    return _access(client, configuration, (), target, None)


def _access(client: Any, configuration: Any, headers: tuple[tuple[str, str], ...], target: Target, namespace: str | None) -> Access:
    """The client, with one TLS context for all its connections and without retries that we do not see."""
    certificate = Path(configuration.cert_file).read_bytes() if configuration.cert_file else b""
    target = Target(target.host, target.context, target.user, target.flags, certificate)
    tls = _tls(configuration, target) if configuration.host.startswith("https://") else None
    # What the context holds need not be loaded again for each connection.
    configuration.ssl_ca_cert = configuration.cert_file = configuration.key_file = None
    configuration.retries = False
    configuration.keep_alive = True
    configuration.connection_pool_maxsize = _CONNECTIONS
    api = client.ApiClient(configuration)
    if tls is not None:
        api.rest_client.pool_manager.connection_pool_kw["ssl_context"] = tls
        if not configuration.verify_ssl:
            import urllib3

            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the kubeconfig says so
    return Access(api, headers, target, namespace)


def _tls(configuration: Any, target: Target) -> ssl.SSLContext:
    # Not create_default_context: from Python 3.13 it insists on extensions that clusters' own authorities lack, and kubectl does not.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif configuration.ssl_ca_cert:
        try:
            context.load_verify_locations(configuration.ssl_ca_cert)
        except (ssl.SSLError, OSError, ValueError) as error:
            message = f"The certificate authority of context `{target.context}` is no certificate in PEM."
            raise target.unavailable(message, "", "kubectl config view --minify") from error
    else:
        context.load_default_certs()
    if configuration.cert_file or configuration.key_file:
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(configuration.cert_file, configuration.key_file, password=lambda: "-")
        except (ssl.SSLError, OSError, ValueError, TypeError) as error:
            message = f"The client certificate and key of user `{target.user}` are no pair that can be used."
            raise target.unavailable(message, "Write its kubeconfig again", "kubectl auth whoami") from error
    return context
