"""Where snapshots come from: submitted manifests and live clusters. Nothing else in the grader reads either."""
