"""What the data of a run taught beside the weights, such as vocabularies, class names and means, as a JSON file."""

from __future__ import annotations

import json
from pathlib import Path

from engine.export.formats import Project
from engine.spec import write_atomically


def beside(project: Project, path: Path) -> list[Path]:
    """Write it beside an exported file, where there is any, so that a model of tokens takes its vocabulary with it."""
    if not project.state:
        return []
    target = path.with_suffix(".data.json")
    text = json.dumps(project.state, ensure_ascii=False, indent=1) + "\n"
    write_atomically(target, lambda stream: stream.write(text.encode()))
    return [target]
