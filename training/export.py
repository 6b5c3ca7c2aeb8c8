"""The fitted model as files: an ONNX graph of standard operators, a manifest, and the structural head for Rust."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tierkit import _core

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ridge import Model

# The oldest runtime that is allowed (onnxruntime 1.20) reads IR 10 and opset 21.
IR_VERSION = 9
OPSET = 18
MODEL_FILE = "tier.onnx"


def graph(model: Model) -> onnx.ModelProto:
    """Build the model: ids, tf, row [n] and dense [b, 23] in, scores [b, 3] (difficulty, gap, known share) out.

    Per gram one row of the table is gathered (idf^2, idf x weight of each head); sums per text give the two dot
    products, the squared length that normalises them, and how many grams were trained.
    """
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["table16"]),
        helper.make_node("Cast", ["table16"], ["entries"], to=TensorProto.FLOAT),
        helper.make_node("Split", ["entries", "one_two"], ["idf2", "weights"], axis=1),
        helper.make_node("Unsqueeze", ["tf", "axis1"], ["tf1"]),
        helper.make_node("Mul", ["tf1", "tf1"], ["tf2"]),
        helper.make_node("Mul", ["idf2", "tf2"], ["squares"]),
        helper.make_node("Mul", ["weights", "tf1"], ["products"]),
        # A trained bucket has idf^2 > 0 and every gram tf >= 1: the signs count both.
        helper.make_node("Concat", ["idf2", "tf1"], ["positive"], axis=1),
        helper.make_node("Sign", ["positive"], ["counts"]),
        helper.make_node("Concat", ["squares", "products", "counts"], ["parts"], axis=1),
        helper.make_node("Unsqueeze", ["row", "axis1"], ["row1"]),
        helper.make_node("Shape", ["dense"], ["texts"], start=0, end=1),
        helper.make_node("Concat", ["texts", "five"], ["sum_shape"], axis=0),
        helper.make_node("ConstantOfShape", ["sum_shape"], ["zeros"]),
        helper.make_node("ScatterND", ["zeros", "row1", "parts"], ["sums"], reduction="add"),
        helper.make_node("Split", ["sums", "one_two_one_one"], ["square", "dots", "hits", "grams"], axis=1),
        helper.make_node("Max", ["square", "tiny"], ["square_up"]),
        helper.make_node("Sqrt", ["square_up"], ["length"]),
        helper.make_node("Div", ["dots", "length"], ["wording"]),
        helper.make_node("Max", ["dense", "low"], ["raised"]),
        helper.make_node("Min", ["raised", "high"], ["held"]),
        helper.make_node("Gemm", ["held", "dense_weights", "bias"], ["structure"]),
        helper.make_node("Add", ["wording", "structure"], ["heads"]),
        helper.make_node("Max", ["grams", "unit"], ["grams_up"]),
        helper.make_node("Div", ["hits", "grams_up"], ["known"]),
        helper.make_node("Concat", ["heads", "known"], ["scores"], axis=1),
    ]
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"]),
        helper.make_tensor_value_info("tf", TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info("row", TensorProto.INT64, ["n"]),
        helper.make_tensor_value_info("dense", TensorProto.FLOAT, ["b", _core.DENSE_FEATURES]),
    ]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["b", 3])]
    constants = [numpy_helper.from_array(value, name) for name, value in tensors(model).items()]
    made = helper.make_model(
        helper.make_graph(nodes, "tier", inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tierkit",
    )
    onnx.checker.check_model(made, full_check=True)
    return made


def tensors(model: Model) -> dict[str, np.ndarray]:
    """Collect the constants of the graph."""
    single = np.float32
    return {
        "table": np.stack([model.idf**2, *(model.idf * model.grams[:, head] for head in (0, 1))], axis=1).astype(
            np.float16
        ),
        "dense_weights": model.weights.astype(single),
        "bias": (-model.center @ model.weights).astype(single),
        "low": model.low.astype(single),
        "high": model.high.astype(single),
        "tiny": np.array(1e-12, single),
        "unit": np.array(1.0, single),
        "axis1": np.array([1]),
        "five": np.array([5]),
        "one_two": np.array([1, 2]),
        "one_two_one_one": np.array([1, 2, 1, 1]),
    }


def write(out: Path, model: Model, head: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Write the graph and its manifest; the same input gives the same bytes."""
    raw = graph(model).SerializeToString(deterministic=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / MODEL_FILE).write_bytes(raw)
    manifest = {
        "format": 1,
        "features_version": _core.FEATURES_VERSION,
        "model": {"file": MODEL_FILE, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()},
        "head": {name: np.round(value, 9).tolist() for name, value in head.items()},
        **facts,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def write_rust(path: Path, head: Mapping[str, Any]) -> None:
    """Write the structural head that needs no file as Rust constants."""
    lines = [
        "//! The structural head in numbers; written by `training/train.py`, do not edit.",
        "#![allow(clippy::unreadable_literal)]",
        "",
        f"pub const INTERCEPT: f64 = {float(head['intercept'])!r};",
    ]
    for name in ("quantiles", "success", "weights", "center", "low", "high"):
        values = [repr(float(value)) for value in np.round(head[name], 9)]
        lines += ["#[rustfmt::skip]", f"pub const {name.upper()}: [f64; {len(values)}] = ["]
        lines += [f"    {', '.join(values[at : at + 8])}," for at in range(0, len(values), 8)] + ["];"]
    path.write_text("\n".join(lines) + "\n")
