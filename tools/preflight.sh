#!/bin/sh
# Says what this machine lacks for a build, with the one command that brings it, and exits 2.
# Prints the Python to use; with the argument rust-components, checks rustfmt and clippy instead.
set -u

python_floor="3.11"
cargo_floor="1.89"

missing() {
    printf 'tierkit: %s\n  Run: %s\n' "$1" "$2" >&2
    exit 2
}

# With Debian's package manager at hand, its command; elsewhere the place where the thing is described.
debian_or() {
    if command -v apt-get >/dev/null 2>&1; then printf 'apt-get install -y %s' "$1"; else printf '%s' "$2"; fi
}

find_python() {
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    seen="$("${PYTHON:-python3}" --version 2>&1)" || seen="none"
    missing "needs Python $python_floor or newer on the PATH, found: $seen." \
        "$(debian_or 'python3 python3-venv' 'install Python from python.org, then: make PYTHON=/path/to/python3')"
}

check_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 && return 0
    missing "$1 cannot make virtual environments: its modules venv and ensurepip are not installed." \
        "$(debian_or "$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" 'install a complete Python')"
}

check_cargo() {
    rustup_install="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    seen="$(cargo --version 2>/dev/null)" || missing "needs Rust's cargo $cargo_floor or newer on the PATH, found none." "$rustup_install"
    minor="$(printf '%s' "$seen" | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')"
    [ "${minor:-0}" -ge "${cargo_floor#1.}" ] && return 0
    if command -v rustup >/dev/null 2>&1; then fix="rustup update stable"; else fix="$rustup_install"; fi
    missing "needs cargo $cargo_floor or newer, found: $seen." "$fix"
}

check_compiler() {
    for compiler in "${CC:-cc}" cc gcc clang; do
        command -v "$compiler" >/dev/null 2>&1 && return 0
    done
    missing "needs a C compiler (it links the Rust core and builds SQLite), found none." \
        "$(debian_or build-essential 'xcode-select --install')"
}

check_rust_components() {
    for component in fmt clippy; do
        cargo "$component" --version >/dev/null 2>&1 && continue
        missing "cargo $component is not installed." "$(if command -v rustup >/dev/null 2>&1; then
            printf 'rustup component add rustfmt clippy'
        else
            debian_or 'rustfmt rust-clippy' 'install rustup, then: rustup component add rustfmt clippy'
        fi)"
    done
}

if [ "${1:-}" = "rust-components" ]; then
    check_cargo
    check_rust_components
    exit 0
fi
python="$(find_python)" || exit 2
check_venv "$python"
check_cargo
check_compiler
printf '%s\n' "$python"
