"""Cases of the recurrent layers and their cells."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from tests.engine.catalogue.case import Case


def with_states(module: Any, input: Tensor, h_0: Tensor, c_0: Tensor) -> Any:
    return module(input, (h_0, c_0))


CASES = [
    Case("LSTM", make=lambda: nn.LSTM(5, 64, batch_first=True)),
    Case(
        "LSTM",
        params={"hidden_size": 4, "num_layers": 2, "bidirectional": True, "dropout": 0.5},
        make=lambda: nn.LSTM(5, 4, 2, bidirectional=True, dropout=0.5, batch_first=True),
    ),
    Case(
        "LSTM",
        params={"hidden_size": 6, "proj_size": 3, "num_layers": 2},
        inputs={"h_0": "float32 2 2 3", "c_0": "float32 2 2 6"},
        make=lambda: nn.LSTM(5, 6, 2, proj_size=3, batch_first=True),
        call=with_states,
    ),
    Case(
        "LSTM",
        params={"hidden_size": 6, "proj_size": 3, "bidirectional": True, "batch_first": False, "bias": False},
        inputs={"h_0": "float32 2 7 3", "c_0": "float32 2 7 6"},
        make=lambda: nn.LSTM(5, 6, proj_size=3, bidirectional=True, bias=False),
        call=with_states,
    ),
    Case("GRU", make=lambda: nn.GRU(5, 64, batch_first=True)),
    Case(
        "GRU",
        params={"hidden_size": 4, "bidirectional": True, "batch_first": False},
        inputs={"h_0": "float32 2 7 4"},
        make=lambda: nn.GRU(5, 4, bidirectional=True),
    ),
    Case("RNN", make=lambda: nn.RNN(5, 64, batch_first=True)),
    Case(
        "RNN",
        params={"hidden_size": 4, "num_layers": 3, "nonlinearity": "relu", "bias": False},
        inputs={"h_0": "float32 3 2 4"},
        make=lambda: nn.RNN(5, 4, 3, "relu", bias=False, batch_first=True),
    ),
    Case("LSTMCell", make=lambda: nn.LSTMCell(5, 64)),
    Case(
        "LSTMCell",
        params={"hidden_size": 3, "bias": False},
        inputs={"h_0": "float32 2 3", "c_0": "float32 2 3"},
        make=lambda: nn.LSTMCell(5, 3, bias=False),
        call=with_states,
    ),
    Case("GRUCell", make=lambda: nn.GRUCell(5, 64)),
    Case("GRUCell", params={"hidden_size": 3}, inputs={"h_0": "float32 2 3"}, make=lambda: nn.GRUCell(5, 3)),
    Case("RNNCell", make=lambda: nn.RNNCell(5, 64)),
    Case(
        "RNNCell",
        params={"hidden_size": 3, "nonlinearity": "relu"},
        inputs={"h_0": "float32 2 3"},
        make=lambda: nn.RNNCell(5, 3, nonlinearity="relu"),
    ),
]
