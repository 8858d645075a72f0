from __future__ import annotations

import pytest

from engine.examples import examples
from engine.problem import Mistake
from engine.spec import Spec, load
from engine.values import value_at, with_value

PATHS = {
    "nodes.linear_1.params.out_features": 7,
    "nodes.loss.factor": 2.0,
    "nodes.linear_1.weights.frozen": True,
    "data.batching.batch_size": 5,
    "data.batching.sampling": "balanced",
    "data.split.seed": 3,
    "training.epochs": 2,
    "training.optimizers.0.params.lr": 0.5,
    "training.optimizers.main.params.weight_decay": 0.1,
}


def iris() -> Spec:
    return load(next(each.path for each in examples() if each.name == "iris"))


@pytest.mark.parametrize(("path", "value"), PATHS.items())
def test_what_is_set_at_a_path_is_found_there(path: str, value: object) -> None:
    assert value_at(with_value(iris(), path, value), path) == value


def test_what_a_project_leaves_out_is_at_its_default() -> None:
    assert value_at(iris(), "data.batching.sampling") == "each once"
    assert value_at(Spec(), "training.epochs") == 10
    assert value_at(Spec(), "training.optimizers.0.params.lr") == 0.001


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nodes.linear_9.params.bias", "no node 'linear_9'"),
        ("nodes.linear_1.params.biass", "no param 'biass' (did you mean 'bias'?)"),
        ("nodes.linear_1.parms", "there is no 'parms'"),
        ("training.epoch", "there is no 'epoch' (did you mean 'epochs'?)"),
        ("training.optimizers.3.params.lr", "no place 3"),
        ("canvas.linear_1", "must start with nodes., data. or training."),
    ],
)
def test_a_path_that_leads_nowhere_is_told(path: str, words: str) -> None:
    with pytest.raises(Mistake) as refused:
        value_at(iris(), path)
    assert words in refused.value.message
