"""`course rbac`: roles that let somebody grade a namespace, printed for kubectl."""

from __future__ import annotations

from argparse import Namespace

from app.commands.arguments import NAMESPACE, CourseParser
from app.services.reading_rights import Subject, render, rights
from graders.errors import UsageError
from graders.lessons import all_lessons
from graders.semantics.names import dns_label, dns_subdomain
from graders.terminal.output import put, say

_GRADER = "course-grader"


def arguments(parser: CourseParser) -> None:
    """What `course rbac` takes."""
    who = parser.add_argument_group("to whom; a new ServiceAccount course-grader if left out")
    who.add_argument("--user", metavar="NAME", help="a user, as the cluster calls it: kubectl auth whoami")
    who.add_argument("--group", metavar="NAME", help="a group of users")
    who.add_argument("--serviceaccount", metavar="[NS:]NAME", help="a ServiceAccount that exists, of the namespace if NS: is left out")
    parser.add_argument("--without-secrets", action="store_true", help="no Secrets; the objectives about them cannot be judged then")
    parser.namespace_option()
    parser.output_options()


def run(options: Namespace) -> int:
    """Print the roles; gives the exit status. Raises UsageError."""
    namespace = options.namespace or NAMESPACE
    subject = _subject(options, namespace)
    put(render(rights(all_lessons(), namespace, secrets=not options.without_secrets), subject, namespace), utf8=True)
    say("Apply it with: course rbac … | kubectl apply -f -   An administrator of the cluster has to do that, for the cluster-wide part.")
    return 0


def _subject(options: Namespace, namespace: str) -> Subject:
    named = [word for word in (options.user, options.group, options.serviceaccount) if word is not None]
    if len(named) > 1:
        raise UsageError("--user, --group and --serviceaccount: one of them at a time.", help="Run it once for each.")
    if named and not (named[0].strip() and named[0].isprintable()):
        raise UsageError("The name is empty, or holds what no name does.", help="See how the cluster calls you with: kubectl auth whoami")
    if options.user is not None:
        return Subject("User", options.user)
    if options.group is not None:
        return Subject("Group", options.group)
    if options.serviceaccount is None:
        return Subject("ServiceAccount", _GRADER, namespace, new=True)
    where, _, name = options.serviceaccount.removeprefix("system:serviceaccount:").rpartition(":")
    where = where or namespace
    wrong = dns_label(where) or dns_subdomain(name)
    if wrong:
        raise UsageError(f"`{options.serviceaccount}` cannot be a ServiceAccount: {wrong}.", help="Write NAME, or NAMESPACE:NAME.")
    return Subject("ServiceAccount", name, where)
