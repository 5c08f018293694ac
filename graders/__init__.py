"""The grading engine: what a learner's cluster or manifests are asked, and what it answers.

It knows nothing of the web app. `graders.sources` reads, `graders.lessons` asks, `graders.engine` decides, `graders.render` shows.
"""
