#!/bin/sh
# Makes the peers ready: a virtual environment for each Python library, and the programs of crates/peers.
#
#   peers/setup.sh                    all of them
#   peers/setup.sh jax candle         only these
#
# Can be run again at any time; what is there already is kept. PYTHON names the interpreter that the environments
# are made from (python3 by default, 3.11 or newer). A peer that cannot be had is said at the end, and the comparison
# goes on without it.
set -u
cd "$(dirname "$0")" || exit 1

python=${PYTHON:-python3}
failed=""

environment() {
    echo "$1: installing requirements"
    { [ -x ".venv-$1/bin/python" ] || "$python" -m venv ".venv-$1"; } &&
        ".venv-$1/bin/python" -m pip install --quiet --disable-pip-version-check \
            --requirement "python/requirements/$1.txt" || failed="$failed $1"
}

program() {
    echo "$1: building"
    (cd ../crates/peers && cargo build --release --locked --quiet --no-default-features --features "$1") ||
        failed="$failed $1"
}

all_programs() {
    echo "burn, candle, gemm: building"
    # At once, because they share most of what they need; one by one if that fails.
    (cd ../crates/peers && cargo build --release --locked --quiet) || for name in burn candle gemm; do
        program "$name"
    done
}

if [ $# -eq 0 ]; then
    for name in jax scikit-learn onnxruntime pytorch; do environment "$name"; done
    all_programs
else
    for name in "$@"; do
        case $name in
            jax | scikit-learn | onnxruntime | pytorch) environment "$name" ;;
            burn | candle | gemm) program "$name" ;;
            *) echo "there is no peer $name: jax scikit-learn onnxruntime pytorch burn candle gemm" >&2; exit 2 ;;
        esac
    done
fi

if [ -n "$failed" ]; then
    echo "could not be made ready:$failed" >&2
    exit 1
fi
