"""The lessons in teaching order. Each module is imported when it is asked for, so that grading one lesson does not load sixteen."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from graders.objective import Lesson


class Entry(NamedTuple):
    """A lesson before it is loaded: its id, its title, the words that also name it, and its module."""

    id: str
    title: str
    names: tuple[str, ...]
    module: str

    def load(self) -> Lesson:
        """The lesson with its objectives."""
        lesson = import_module(f"graders.lessons.{self.module}").LESSON
        assert isinstance(lesson, Lesson)
        return lesson


LESSONS: tuple[Entry, ...] = (
    Entry("lesson-0", "Kubernetes fundamentals", ("fundamentals", "kubernetes", "cluster"), "lesson_00_fundamentals"),
    Entry("lesson-1", "Namespaces", ("namespace", "namespaces", "ns"), "lesson_01_namespaces"),
    Entry("lesson-2", "ConfigMaps", ("configmap", "configmaps", "config", "cm"), "lesson_02_configmaps"),
    Entry("lesson-3", "Secrets", ("secret", "secrets"), "lesson_03_secrets"),
    Entry("lesson-4", "Deployments", ("deployment", "deployments", "deploy"), "lesson_04_deployments"),
    Entry("lesson-5", "Services", ("service", "services", "svc"), "lesson_05_services"),
    Entry("lesson-6", "Ingress", ("ingress", "ingresses", "ing"), "lesson_06_ingress"),
    Entry("lesson-7", "Horizontal Pod Autoscaling", ("hpa", "autoscaling"), "lesson_07_hpa"),
    Entry("lesson-8", "Pod Disruption Budgets", ("pdb", "pod-disruption-budget", "disruption"), "lesson_08_pdb"),
    Entry("lesson-9", "Persistent storage", ("storage", "persistent-storage", "pvc", "statefulset", "statefulsets"), "lesson_09_storage"),
    Entry("lesson-10", "Resources, QoS and rolling updates", ("resources", "qos", "quota", "rollouts"), "lesson_10_resources"),
    Entry("lesson-11", "Security hardening", ("security", "hardening", "networkpolicy", "pod-security"), "lesson_11_security"),
    Entry("lesson-12", "Monitoring and logging", ("monitoring", "logging", "prometheus"), "lesson_12_monitoring"),
    Entry("lesson-13", "Backup and restore", ("backup", "backups", "velero", "restore"), "lesson_13_backup"),
    Entry("lesson-14", "Troubleshooting", ("troubleshooting", "debugging", "debug"), "lesson_14_troubleshooting"),
    Entry("lesson-15", "Managed clusters and capstone", ("managed", "cloud", "capstone", "eks", "gke", "aks"), "lesson_15_managed"),
)


def all_lessons() -> Iterator[Lesson]:
    """Every lesson, loaded, in teaching order."""
    for entry in LESSONS:
        yield entry.load()
