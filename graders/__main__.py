"""`python -m graders` is `grade`."""

from graders.cli import run

if __name__ == "__main__":
    run()
