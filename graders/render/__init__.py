"""A report in the forms that people and machines read: text, JSON, JUnit, Markdown."""
