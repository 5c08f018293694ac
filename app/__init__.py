"""What surrounds the grader: the `course` command, and the services behind it."""
