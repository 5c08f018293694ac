"""The commands that add to a cluster what a lesson needs, with pinned versions, and where the current ones are told."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Provider(StrEnum):
    """Who made a cluster."""

    PRACTICE = "practice"
    KIND = "kind"
    K3D = "k3d"
    MINIKUBE = "minikube"
    OTHER = "other"


_METRICS = "https://github.com/kubernetes-sigs/metrics-server/releases"
_GATEWAY = "https://github.com/kubernetes-sigs/gateway-api/releases"
_TRAEFIK = "https://github.com/traefik/traefik-helm-chart/releases"
_OPERATOR = "https://github.com/prometheus-operator/prometheus-operator/releases"
_VELERO = "https://github.com/vmware-tanzu/velero/releases"
_ADAPTER = "https://github.com/kubernetes-sigs/prometheus-adapter"


def _now(url: str) -> str:
    return f"The current version: {url}"


_INSTALL_METRICS = f"kubectl apply -f {_METRICS}/download/v0.8.1/components.yaml"
# The kubelets of kind sign their own certificates.
_TRUST_KUBELETS = (
    "kubectl patch deployment metrics-server -n kube-system --type=json "
    """-p '[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--kubelet-insecure-tls"}]'"""
)
_AFRESH = ("It comes with the practice cluster. Start that afresh: course cluster down, then course cluster up",)
_INSTALL_TRAEFIK = (
    "helm install traefik traefik --repo https://traefik.github.io/charts --version 41.5.0 -n traefik --create-namespace",
    _now(_TRAEFIK),
)

# By what is missing: the commands for each provider; those of OTHER where it has none of its own.
_COMMANDS: Mapping[str, Mapping[Provider, tuple[str, ...]]] = {
    "node-ready": {
        Provider.OTHER: ("kubectl describe nodes",),
        Provider.PRACTICE: ("course cluster down, then course cluster up",),
        Provider.KIND: ("kubectl describe nodes", "or anew: course cluster down --with kind, then course cluster up --with kind"),
    },
    "default-storage-class": {
        Provider.OTHER: (
            "kubectl get storageclass",
            "Make one of them the default: kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true",
            "Take it from another: kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class-",
        ),
        Provider.MINIKUBE: ("minikube addons enable default-storageclass -p kubernetes-course",),
        Provider.PRACTICE: _AFRESH,
    },
    "metrics-available": {
        Provider.OTHER: (_INSTALL_METRICS, _now(_METRICS)),
        Provider.KIND: (_INSTALL_METRICS, _TRUST_KUBELETS, _now(_METRICS)),
        Provider.MINIKUBE: ("minikube addons enable metrics-server -p kubernetes-course",),
        Provider.K3D: ("k3d brings it; see why it is not ready: kubectl get deployment metrics-server -n kube-system",),
        Provider.PRACTICE: _AFRESH,
    },
    "ingress-class": {
        Provider.OTHER: _INSTALL_TRAEFIK,
        Provider.K3D: ("k3d brings Traefik; see why it is not ready: kubectl get pods -n kube-system", *_INSTALL_TRAEFIK),
        Provider.PRACTICE: _AFRESH,
    },
    "custom-metrics": {
        Provider.OTHER: (
            "helm install prometheus-adapter prometheus-adapter --repo https://prometheus-community.github.io/helm-charts "
            "--version 5.2.0 -n monitoring --create-namespace",
            _now(_ADAPTER),
        ),
        Provider.PRACTICE: _AFRESH,
    },
    "gateway-api": {
        Provider.OTHER: (f"kubectl apply --server-side -f {_GATEWAY}/download/v1.5.1/standard-install.yaml", _now(_GATEWAY)),
        Provider.PRACTICE: _AFRESH,
    },
    "monitoring": {
        Provider.OTHER: (f"kubectl apply --server-side -f {_OPERATOR}/download/v0.93.1/bundle.yaml", _now(_OPERATOR)),
        Provider.PRACTICE: _AFRESH,
    },
    "velero": {
        Provider.OTHER: (
            "velero install --crds-only --dry-run -o yaml | kubectl apply -f -   (the velero command, v1.17.1)",
            "For backups that really run: https://velero.io/docs/main/basic-install/",
            _now(_VELERO),
        ),
        Provider.PRACTICE: _AFRESH,
    },
}


def remedy(missing: str, provider: Provider) -> tuple[str, ...]:
    """The commands that add what is missing, one a line, then where to look further; none where there is no command for it."""
    commands = _COMMANDS.get(missing, {})
    return commands.get(provider) or commands.get(Provider.OTHER, ())
