"""What a page may show of a report: a learner's own text is cut where it is long, and made harmless."""

from __future__ import annotations

from typing import Any

from graders.render.words import harmless, shortened


def shown(data: Any) -> Any:
    """Plain data with all its strings such: no controls, no marks that reorder a line, nothing that UTF-8 cannot carry."""
    if isinstance(data, str):
        return harmless(shortened(data))
    if isinstance(data, dict):
        return {key: shown(value) for key, value in data.items()}
    return [shown(value) for value in data] if isinstance(data, list) else data
