"""The installed package: that it is the one under test, and what a wheel of it holds."""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest

import tierkit

# Set it to test a source tree that `maturin develop` linked in.
EDITABLE = "TIERKIT_TEST_EDITABLE"


def _distribution() -> metadata.Distribution:
    return metadata.distribution("tierkit")


def _files() -> list[str]:
    return [file.as_posix() for file in _distribution().files or []]


def test_the_tests_run_against_the_installed_package() -> None:
    if os.environ.get(EDITABLE):
        pytest.skip(f"{EDITABLE} is set: the source tree is under test")
    found = Path(tierkit.__file__).resolve()
    wanted = Path(sysconfig.get_path("platlib")).resolve()
    assert found.is_relative_to(wanted), f"{found} is not below {wanted}; run `make test`, or set {EDITABLE}=1"


def test_version_is_the_one_of_the_metadata() -> None:
    assert tierkit.__version__ == _distribution().version


def test_dependencies_are_the_four_that_have_a_reason() -> None:
    required = [line for line in _distribution().requires or [] if "extra ==" not in line]
    names = sorted(line.split(">")[0].split("<")[0].split("=")[0].strip() for line in required)
    assert names == ["httpx2", "numpy", "onnxruntime", "tiktoken"]


def test_the_wheel_is_typed_licensed_and_runs_nothing_at_start() -> None:
    files = _files()
    assert "tierkit/py.typed" in files
    assert any(name.endswith("licenses/LICENSE") for name in files)
    assert any(name.endswith("licenses/THIRD_PARTY.md") for name in files)
    if not os.environ.get(EDITABLE):
        assert [name for name in files if name.endswith(".pth")] == []


def test_the_wheel_holds_only_the_package() -> None:
    if os.environ.get(EDITABLE):
        pytest.skip(f"{EDITABLE} is set")
    roots = {name.split("/")[0] for name in _files() if not name.startswith("..")}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"tierkit"}


def test_the_command_is_installed() -> None:
    scripts = {entry.name: entry.value for entry in metadata.entry_points(group="console_scripts")}
    assert scripts.get("tierkit") == "tierkit.cli:main"


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="the wheel is for CPython")
def test_the_core_is_a_stable_abi_module() -> None:
    names = [name for name in _files() if name.startswith("tierkit/_core.")]
    if os.environ.get(EDITABLE):
        pytest.skip(f"{EDITABLE} is set")
    assert any("abi3" in name or name.endswith(".pyd") for name in names), names
