"""The web app: the real app on a real database, and pages in a real browser."""
