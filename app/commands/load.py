"""`course load`: requests for the API, played by the practice cluster, or sent by a Job on any other."""

from __future__ import annotations

from argparse import Namespace

from app.commands.arguments import NAMESPACE, CourseParser, one_of
from app.services.cluster_tools import TOOLS
from graders.errors import UsageError
from graders.terminal.output import put, say

_MOST = 10_000
_IMAGE = "docker.io/fortio/fortio:1.75.2"
_IMAGES = "https://github.com/fortio/fortio/releases"


def arguments(parser: CourseParser) -> None:
    """What `course load` takes."""
    parser.add_argument("words", nargs="*", metavar="N|off", help="requests a second in all, or off; without, what there is")
    parser.add_argument("--with", type=one_of("practice", *TOOLS), dest="tool", metavar="TOOL", help=f"practice, {', '.join(TOOLS)}")
    parser.add_argument("--deployment", metavar="NAME", help="whose Pods get the requests; rag-engine-api if left out")
    parser.add_argument("--data", metavar="DIR", help="where the practice cluster keeps its state")
    parser.namespace_option()
    parser.output_options()


def run(options: Namespace) -> int:
    """Do as `course cluster load` does; gives the exit status. Raises GradingError."""
    from app.commands import cluster

    nothing = {"kubernetes": None, "merge": False, "timeout": None, "port": None, "delete": False, "json": False}
    return cluster.run(Namespace(verb="load", **nothing, **vars(options)))


def job_for(words: list[str], namespace: str | None) -> int:
    """Print a Job that sends requests, for kubectl to apply; gives the exit status. Raises UsageError."""
    where = namespace or NAMESPACE
    if words == ["off"]:
        put(f"kubectl delete job load --ignore-not-found -n {where}\n")
        return 0
    if len(words) != 1 or not (words[0].isascii() and words[0].isdigit()) or not 0 < int(words[0]) <= _MOST:
        raise UsageError("How many requests a second?", help=f"For example: course load 150, at most {_MOST}; course load off ends it.")
    put(_JOB.format(namespace=where, rate=int(words[0]), image=_IMAGE))
    say(
        "This is no practice cluster, so a Job sends the requests: course load … | kubectl apply -f -",
        f"After lesson 11 a network policy has to let it through. It ends by itself after ten minutes. Its current version: {_IMAGES}",
    )
    return 0


_JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: load
  namespace: {namespace}
  labels:
    app: load
    app.kubernetes.io/managed-by: kubernetes-course
spec:
  activeDeadlineSeconds: 660
  ttlSecondsAfterFinished: 60
  backoffLimit: 0
  template:
    metadata:
      labels:
        app: load
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: load
          image: {image}
          args: [load, -qps, "{rate}", -c, "16", -t, 10m, -allow-initial-errors, "http://rag-engine-api/api/query"]
          resources:
            requests:
              cpu: 50m
              memory: 64Mi
            limits:
              memory: 256Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
"""
