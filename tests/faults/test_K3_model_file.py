"""K3: a model file that is missing, damaged or foreign is refused; structure alone serves, with one warning."""

import hashlib
import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tierkit.route import ClassifierFallbackWarning, TierClassifier
from tierkit.route import classifier as home

onnx = pytest.importorskip("onnx")

SHIPPED = Path(home.__file__).with_name("model")
MODEL = "tier.onnx"


def sign(folder: Path, **changes: object) -> None:
    """Make the manifest agree with the files, as an attacker who can write both would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    raw = (folder / MODEL).read_bytes()
    manifest["model"] |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))


def rewrite(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load(folder / MODEL)
    change(model)
    (folder / MODEL).write_bytes(model.SerializeToString())
    sign(folder)


def truncate(folder: Path) -> None:
    (folder / MODEL).write_bytes((folder / MODEL).read_bytes()[:100_000])


def truncate_and_sign(folder: Path) -> None:
    truncate(folder)
    sign(folder)


def flip_a_bit(folder: Path) -> None:
    raw = bytearray((folder / MODEL).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / MODEL).write_bytes(raw)


def two_gigabytes(folder: Path) -> None:
    with (folder / MODEL).open("r+b") as file:
        file.truncate(2 << 30)


def large_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text(" " * (2 << 20))


def opset_99(folder: Path) -> None:
    rewrite(folder, lambda model: setattr(model.opset_import[0], "version", 99))


def custom_operator(folder: Path) -> None:
    rewrite(folder, lambda model: setattr(model.graph.node[0], "domain", "evil.example"))


def other_outputs(folder: Path) -> None:
    rewrite(folder, lambda model: setattr(model.graph.node[-1].attribute[0], "i", 0))


def external_data(folder: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../../../etc/hostname")

    rewrite(folder, change)


def edit(**changes: object) -> Callable[[Path], None]:
    return lambda folder: sign(folder, **changes)


def other_path(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["model"]["file"] = f"../{folder.name}/{MODEL}"
    (folder / "manifest.json").write_text(json.dumps(manifest))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no folder": shutil.rmtree,
    "no model": lambda folder: (folder / MODEL).unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "empty model": lambda folder: (folder / MODEL).write_bytes(b""),
    "manifest is no JSON": lambda folder: (folder / "manifest.json").write_text("{"),
    "manifest is a list": lambda folder: (folder / "manifest.json").write_text("[]"),
    "manifest of 2 MB": large_manifest,
    "truncated": truncate,
    "truncated and signed": truncate_and_sign,
    "one bit": flip_a_bit,
    "2 GB": two_gigabytes,
    "opset 99": opset_99,
    "custom operator": custom_operator,
    "other outputs": other_outputs,
    "external data": external_data,
    "path outside": other_path,
    "other features": edit(features_version=99),
    "other format": edit(format=2),
    "no head": edit(head={}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_k3_a_bad_model_is_refused_with_one_warning(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    folder = tmp_path / "model"
    shutil.copytree(SHIPPED, folder)
    damage(folder)
    classifier = TierClassifier(folder)
    with pytest.warns(ClassifierFallbackWarning, match="structure alone") as caught:  # noqa: PT031 - one of both
        score = classifier.score("What is 2 + 2?")
        again = classifier.score_many(["What is 2 + 2?", "and 3 + 3?"])
    assert len(caught) == 1
    assert classifier.fallback
    assert 0 <= score.need <= 1
    assert "fallback" in score.reasons
    assert again[0] == score


def test_k3_an_untouched_copy_serves(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "model")
    classifier = TierClassifier(tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "fallback" not in classifier.score("What is 2 + 2?").reasons
