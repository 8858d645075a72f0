"""Cases of the Python node at the code that a new one holds; tests/engine/test_python_node.py has the rest."""

from __future__ import annotations

from tests.engine.catalogue.case import Case

CASES = [Case("Python", call=lambda x: x)]
