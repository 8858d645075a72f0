from __future__ import annotations

import json
import random

import numpy as np
import torch

from engine import draws


def drawn() -> tuple[float, ...]:
    """Numbers of every generator; of those from bells it keeps every second for the next time."""
    python = (random.random(), random.gauss(0.0, 1.0))
    return (*python, float(np.random.rand()), float(np.random.randn()), float(torch.rand(())), float(torch.randn(())))


def test_a_seed_decides_what_each_generator_draws() -> None:
    draws.seed(2**40 + 1)
    first = drawn()
    assert drawn() != first
    draws.seed(2**40 + 1)
    assert drawn() == first


def test_a_state_of_json_values_and_tensors_is_gone_back_to() -> None:
    drawn()
    state = draws.state()
    plain = {name: json.dumps(each, default=lambda _tensor: 0) for name, each in state.items()}
    assert set(plain) == {"host", "python", "numpy"}
    expected = [drawn() for _ in range(700)]  # more than the generators make at once
    draws.load(state)
    assert [drawn() for _ in range(700)] == expected


def test_a_mark_is_gone_back_to_as_often_as_is_asked() -> None:
    go_back = draws.mark()
    expected = [drawn() for _ in range(700)]
    for _ in range(2):
        go_back()
        assert [drawn() for _ in range(700)] == expected


def test_what_is_drawn_apart_leaves_no_trace() -> None:
    draws.seed(0)
    expected = drawn()
    draws.seed(0)
    with draws.apart():
        drawn()
        draws.seed(7)
    assert drawn() == expected


def test_a_state_of_an_older_version_tells_of_torch_alone() -> None:
    state = draws.state()
    expected = torch.rand(3)
    draws.load({"host": state["host"]})
    assert torch.equal(torch.rand(3), expected)
