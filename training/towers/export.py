"""From torch to what `recommend` serves: three ONNX models and what their codes mean."""

import logging
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recommend.towers import served
from recommend.towers.log import Log
from training.towers.model import Towers


def export(towers: Towers, log: Log, *, weight: float, record: Mapping[str, Any]) -> served.Towers:
    """The towers as they are served, still without the vectors of a catalogue."""
    towers = towers.cpu().eval()
    dimensions = towers.item.network[-1].out_features
    n_kinds = len(log.kinds)
    # With one row the exporter would take the number of rows for a constant.
    codes, titles = torch.from_numpy(log.codes[:2]), torch.from_numpy(log.titles[:2])
    shoppers, means = torch.zeros(2, dtype=torch.long), torch.zeros(2, n_kinds, dimensions)
    networks = {
        "item": _onnx(towers.item, {"codes": codes}),
        "user": _onnx(towers.user, {"shopper": shoppers, "means": means}),
        "tag": _onnx(towers.tag, {"words": titles}),
    }
    return served.Towers(
        networks,
        log.item_ids,
        log.shopper_ids,
        tuple(log.kinds.tolist()),
        log.pieces,
        str(log.vocabulary),
        weight,
        dict(record),
        np.empty(0, dtype="V16"),
        np.empty((0, dimensions), dtype=np.float32),
    )


for _name in ("onnxscript", "onnx_ir", "torch.onnx"):
    logging.getLogger(_name).setLevel(logging.ERROR)  # every pass of the optimiser says what it did not find


def _onnx(tower: nn.Module, inputs: Mapping[str, Tensor]) -> bytes:
    rows = torch.export.Dim("rows")
    with warnings.catch_warnings():
        # Of the exporter to itself: its own old calls, and that two inputs have the same number of rows.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            tower,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=["vectors"],
            dynamic_shapes=tuple({0: rows} for _ in inputs),
            dynamo=True,
            verbose=False,
        )
    found: bytes = program.model_proto.SerializeToString()
    return found
