from __future__ import annotations

from pathlib import Path

from engine.data.timing import measure
from tests.engine.data.making import HERE, source
from tests.engine.data.test_loader import pictures, with_batching


def test_reading_from_files_is_timed_by_stage(tmp_path: Path) -> None:
    timing = measure(with_batching(pictures(tmp_path), cache="none", workers=0), HERE, 0.1)
    assert timing.cache == "none"
    assert [each.name for each in timing.stages] == ["read", "batch", "copy"]
    assert timing.samples_per_second > 0
    assert timing.encode()["stages"][0]["name"] == "read"


def test_what_is_in_memory_is_timed_as_a_whole() -> None:
    timing = measure(source("Digits"), HERE, 0.05)
    assert [each.name for each in timing.stages] == ["batch"]
    assert timing.samples > 1000
