"""What keeps us from reading a cluster, in sentences that end in the command to run next."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from graders.errors import ClusterUnavailable
from graders.kinds import Kind

# Groups that a cluster serves only once somebody has installed them: what is missing, and where its instructions are.
_INSTALLED = {
    "gateway.networking.k8s.io": ("the Gateway API is not installed", "https://gateway-api.sigs.k8s.io/guides/"),
    "monitoring.coreos.com": (
        "the Prometheus Operator is not installed",
        "https://prometheus-operator.dev/docs/getting-started/installation/",
    ),
    "keda.sh": ("KEDA is not installed", "https://keda.sh/docs/latest/deploy/"),
    "velero.io": ("Velero is not installed", "https://velero.io/docs/main/basic-install/"),
    "metrics.k8s.io": ("metrics-server is not installed", "https://github.com/kubernetes-sigs/metrics-server"),
}
_RENEW = "Renew it (kubeadm certs renew; kind, k3d and minikube: make the cluster anew)"


@dataclass(frozen=True, slots=True)
class Target:
    """How sentences name a cluster: `host` with its port, the `context` (None in a Pod) and the `user` of the kubeconfig.

    `flags` make kubectl talk to the same cluster: ` --context NAME`, or nothing. `certificate` is the client certificate in PEM.
    """

    host: str
    context: str | None
    user: str
    flags: str
    certificate: bytes = b""

    def unavailable(self, message: str, advice: str = "", command: str = "kubectl cluster-info") -> ClusterUnavailable:
        """An error about the cluster as a whole; `advice` comes before the command."""
        return ClusterUnavailable(message, help=f"{advice}{', then check' if advice else 'Check'} with: {command}{self.flags}")


class Failure(Exception):
    """Why one kind could not be read.

    `what` completes "Could not read Secrets: …". `check` is the command that shows it, without flags for the context and with `{scope}`
    for the namespace's; kubectl's list of the kind when left out. `status` is that of the HTTP answer, 0 without one; `retry_after` the
    seconds that the server asks us to wait; `by_chance` that asking again may well succeed. `everywhere` tells the same of the cluster as
    a whole, for when no kind can be read.
    """

    def __init__(
        self,
        what: str,
        *,
        advice: str = "",
        check: str = "",
        status: int = 0,
        retry_after: float | None = None,
        by_chance: bool = False,
        everywhere: ClusterUnavailable | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.check = check
        self.status = status
        self.retry_after = retry_after
        self.by_chance = by_chance
        self.everywhere = everywhere

    def sentence(self, kind: Kind, namespace: str, target: Target) -> str:
        """Which kind could not be read, why, and what to run next."""
        where, scope = (f" in namespace {namespace}", f" -n {namespace}") if kind.namespaced else ("", "")
        if kind.everywhere:
            where, scope = " in all namespaces", " -A"
        command = (self.check or f"kubectl get {kind.resource}{{scope}}").replace("{scope}", scope) + target.flags
        check = f"{self.advice}, then check" if self.advice else "Check"
        return f"Could not read {_plural(kind)}{where}: {self.what}. {check} with: {command}"


def _plural(kind: Kind) -> str:
    """`NetworkPolicies`: the resource's name in the kind's letters."""
    same = next((at for at, (a, b) in enumerate(zip(kind.name.lower(), kind.plural, strict=False)) if a != b), len(kind.name))
    return kind.name[:same] + kind.plural[same:]


def broken(what: str) -> Failure:
    """The server answered, but not as the Kubernetes API does."""
    return Failure(what, advice="See whether a proxy or a login page stands in between", by_chance=True)


def timed_out(target: Target, seconds: float) -> Failure:
    """There was no (whole) answer within the time limit."""
    message = f"The cluster at {target.host} did not answer within {seconds:g} s."
    return Failure(f"no whole answer within {seconds:g} s", everywhere=target.unavailable(message, "Allow more with --timeout"))


def of_status(status: int, headers: Mapping[str, str], kind: Kind, target: Target) -> Failure:
    """Why an HTTP answer other than 200 brings no objects. Bodies of errors are not shown: they may hold anything."""
    what, advice, check, everywhere = f"the API server refused the request (status {status})", "", "", None
    if status == 401:
        everywhere = _not_accepted(target)
        what, check = "the cluster does not accept your credentials", "kubectl auth whoami"
    elif status == 403:
        what, check = "access denied", f"kubectl auth can-i list {kind.resource}{{scope}}"
    elif status == 404:
        missing, url = _INSTALLED.get(kind.group, (f"this cluster does not serve {kind.api_version}", ""))
        what, check = missing, f"kubectl api-resources --api-group={kind.group or repr('')}"
        advice = f"Install it as {url} says" if url else ""
    elif status == 405:
        what = "the server does not let anybody list them"
    elif status == 429:
        what, advice = "the API server has too much to do just now", "Wait a little"
    elif status >= 500:
        what = f"the API server failed (status {status})"
    elif status < 400:
        return broken(f"the answer was not that of a Kubernetes API (status {status})")
    after = headers.get("Retry-After", "")
    retry_after = float(after) if after.isascii() and after.isdigit() and len(after) < 6 else None
    return Failure(what, advice=advice, check=check, status=status, retry_after=retry_after, by_chance=status >= 500, everywhere=everywhere)


def _not_accepted(target: Target) -> ClusterUnavailable:
    if _is_over(target):
        return _certificate_ended(target)
    message = f"The cluster at {target.host} does not accept the credentials of user `{target.user}`: they are wrong, or have expired."
    return target.unavailable(message, "Sign in again", "kubectl auth whoami")


def _is_over(target: Target) -> bool:
    ended = certificate_end(target.certificate)
    return ended is not None and ended < datetime.now(UTC)


def _certificate_ended(target: Target) -> ClusterUnavailable:
    ended = certificate_end(target.certificate)
    when = f" on {ended:%Y-%m-%d}" if ended is not None else ""
    return target.unavailable(f"The client certificate of user `{target.user}` expired{when}.", _RENEW, "kubectl auth whoami")


def of_exception(error: Exception, target: Target, seconds: float) -> Failure:
    """Why a request brought no answer. `seconds` was its time limit.

    What the library says is not repeated: it may hold header values, and is not written for learners.
    """
    from urllib3 import exceptions as http

    causes = list(_causes(error))
    if any(isinstance(cause, http.ProxyError) for cause in causes):
        told = _proxy(target, causes)
    elif tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError) and not isinstance(cause, TimeoutError)), None):
        told = _tls(target, tls)
    elif any(isinstance(cause, http.NameResolutionError) for cause in causes):
        host = target.host.rpartition(":")[0] or target.host
        told = target.unavailable(
            f"The host {host} cannot be found.", "Look at `server` and at your network", "kubectl config view --minify"
        )
    elif any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        told = target.unavailable(f"Nothing answers at {target.host}: the connection was refused.", "Start the cluster")
    elif any(isinstance(cause, http.NewConnectionError) for cause in causes):
        why = next((f": {cause.strerror}" for cause in causes if isinstance(cause, OSError) and cause.strerror), "")
        told = target.unavailable(f"The cluster at {target.host} cannot be reached{why}.", "Look at your network")
    elif any(isinstance(cause, http.TimeoutError | TimeoutError) for cause in causes):
        return timed_out(target, seconds)
    else:
        told = target.unavailable(f"The cluster at {target.host} broke the connection off.")
        return Failure("the connection broke off", by_chance=True, everywhere=told)
    # A busy server may break off a handshake, and one that closes a connection while we still write does so before its reason has come
    # through: asking again may show it.
    lasting = (ConnectionRefusedError, ssl.SSLCertVerificationError, http.NameResolutionError, http.ProxyError)
    by_chance = not any(isinstance(cause, lasting) for cause in causes)
    return Failure("the cluster cannot be reached", by_chance=by_chance, everywhere=told)


def _causes(error: BaseException, depth: int = 8) -> Iterator[BaseException]:
    """An exception and those that it came from, which libraries keep in several places."""
    if depth:
        yield error
        for inner in (error.__cause__, error.__context__, *error.args):
            if isinstance(inner, BaseException):
                yield from _causes(inner, depth - 1)


def _proxy(target: Target, causes: list[BaseException]) -> ClusterUnavailable:
    if any("407" in str(cause) for cause in causes if isinstance(cause, OSError)):
        why = "it asks for a name and a password"
    elif any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        why = "it refused the connection"
    else:
        why = "it cannot be reached, or does not let us through"
    message = f"The proxy on the way to the cluster at {target.host} is no help: {why}."
    return target.unavailable(message, "Look at `proxy-url`, HTTPS_PROXY and NO_PROXY", "kubectl config view --minify")


def _tls(target: Target, error: ssl.SSLError) -> ClusterUnavailable:
    reason = str(error.reason or error)
    code = getattr(error, "verify_code", 0)  # of X509_verify_cert(3)
    if code == 10:
        return target.unavailable(f"The certificate of {target.host} has expired.", _RENEW)
    if code == 9:
        return target.unavailable(f"The certificate of {target.host} is not valid yet.", "Look at this machine's clock")
    if code in (62, 64):
        advice = "Write an address into `server` that the certificate names, or set `tls-server-name`"
        return target.unavailable(f"The certificate of {target.host} is for another host.", advice, "kubectl config view --minify")
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"The certificate of {target.host} is signed by an authority that the kubeconfig does not name."
        return target.unavailable(message, "If the cluster was made anew, write its kubeconfig again")
    if "EXPIRED" in reason or _is_over(target):
        return _certificate_ended(target)
    if "ALERT" in reason or isinstance(error, ssl.SSLEOFError):
        seems = "does not seem to" if isinstance(error, ssl.SSLEOFError) else "does not"
        message = f"The cluster at {target.host} {seems} accept the client certificate of user `{target.user}`."
        return target.unavailable(message, "Write its kubeconfig again", "kubectl auth whoami")
    if "WRONG_VERSION" in reason or "HTTP_REQUEST" in reason:
        return target.unavailable(f"{target.host} does not speak TLS.", "Look at `server`", "kubectl config view --minify")
    return target.unavailable(f"No secure connection to {target.host} came about.", "Look at `server`", "kubectl config view --minify")


def certificate_end(pem: bytes) -> datetime | None:
    """When the first certificate of `pem` expires (notAfter, RFC 5280 section 4.1.2.5); None when there is none that can be read."""
    try:
        der = base64.b64decode(pem.split(b"-----BEGIN CERTIFICATE-----", 1)[1].split(b"-----END", 1)[0])
        _, at, _ = _element(der, 0)  # Certificate
        _, at, _ = _element(der, at)  # TBSCertificate
        tag, _, after = _element(der, at)
        if tag == 0xA0:  # an explicit version stands before the serial number
            _, _, after = _element(der, after)
        for _ in ("signature", "issuer"):
            _, _, after = _element(der, after)
        _, at, _ = _element(der, after)  # validity
        _, _, after = _element(der, at)  # notBefore
        tag, at, after = _element(der, after)
        text = der[at:after].decode("ascii")
        if tag == 0x17:  # UTCTime: of the two digits of the year, 50 and above mean 19xx
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (IndexError, ValueError):
        return None


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag, start and end of the content of the DER element at `at`."""
    tag, length, start = der[at], der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(der[start : start + count], "big"), start + count
    return tag, start, start + length
