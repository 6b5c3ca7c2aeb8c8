#!/bin/sh
# Builds the sdist, builds a wheel from nothing but the sdist, and imports it where no other package is installed.
# Usage: tools/sdist_imports.sh BIN   (the folder with python, pip and maturin)
set -eu

bin="$(cd "$1" && pwd)"
root="$(pwd)"
work="$root/target/sdist"

rm -rf "$work"
mkdir -p "$work/out" "$work/tree"
"$bin/maturin" sdist --out "$work/out"
tar -xzf "$work"/out/*.tar.gz -C "$work/tree" --strip-components=1
# Every file of an sdist bears the same date, so cargo could take an older build for a current one.
find "$work/tree" -type f -exec touch {} +

# A target folder of its own: cargo names our crates by their place in the workspace, so in the shared one the builds of the
# tree and of the sdist would overwrite each other.
cd "$work/tree"
CARGO_TARGET_DIR="$root/target/from-sdist" "$bin/maturin" build --release --locked --quiet --out "$work/out"

"$bin/python" -m venv --without-pip "$work/empty"
"$bin/python" -m pip --python "$work/empty/bin/python" install --quiet --no-deps --no-index "$work"/out/*.whl
cd "$work"
"$work/empty/bin/python" -I -W error -c '
import tierkit
from importlib import metadata

assert [found.name for found in metadata.distributions()] == ["tierkit"], "the environment is not empty"
assert str(tierkit.Money("0.02") + tierkit.Money("0.003")) == "0.023"
assert tierkit.count_tokens("hello world", model="gpt-5") == 2
print("the wheel from the sdist imports alone:", tierkit.__version__)
'
