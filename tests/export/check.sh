#!/usr/bin/env bash
# Runs exported models with ONNX Runtime and PyTorch, and compares them with the predictions of this program.
#
#   tests/export/check.sh [COUNT]     COUNT random models (500), and models of the bundled data and of ../shared/data
#
# ONNX and ONNX Runtime are installed by pip into tests/export/.venv. PyTorch is that of peers/setup.sh, which is larger:
# without it, that part is skipped, which is said, and so are tables that are not there. PYTHON names the interpreter that
# the environment is made from.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment=tests/export/.venv
[ -x $environment/bin/python ] || "${PYTHON:-python3}" -m venv $environment
$environment/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/export/requirements.txt

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program=${CARGO_TARGET_DIR:-target}/debug/backprop
cargo build --quiet --package backprop
cargo run --quiet --package export --example random_models -- "$work/random" "${1:-500}"

failed=0
check() { $environment/bin/python tests/export/check.py "$@" || failed=1; }

# model TABLE 'ARGUMENTS OF TRAIN' [ARGUMENTS OF PREDICT...]
model() {
    local table=$1 settings=$2
    shift 2
    [ -e "$table" ] || { echo "SKIPPED: there is no $table"; return 0; }
    # shellcheck disable=SC2086
    "$program" train "$table" $settings "$@" --model "$work/model.safetensors" > /dev/null 2> "$work/log" ||
        { cat "$work/log"; failed=1; return 0; }
    check model "$program" "$work/model.safetensors" "$table" "$work" "$@"
}

check random "$work/random"
cat > "$work/mixed.csv" <<'TABLE'
when,size,colour,kind
TABLE
for row in $(seq 0 239); do
    colours=(red blue '' NA violet)
    sizes=("$((row * 7 % 24)).5" '' -3e2 "$row" nan)
    echo "2020-0$((1 + row % 9))-1$((row * 5 % 10)) 1$((row % 10)):30,${sizes[row % 5]},${colours[row * 3 % 5]},$((row % 2))"
done >> "$work/mixed.csv"
shared=../shared/data
[ -d $shared ] || shared=${BACKPROP_SHARED:-$shared}
model "$work/mixed.csv" "--target kind"
model data/wdbc.csv "--target diagnosis"
model data/wdbc.csv "--target diagnosis --ensemble 1 --hidden 16 --activation tanh --scale robust"
model data/wdbc.csv "--target diagnosis --ensemble 2 --hidden 32 --activation gelu"
model data/wdbc.csv "--target diagnosis --ensemble 2 --hidden 32,32 --activation silu"
model $shared/credit-g.csv "--target class"
model $shared/mushroom.csv "--target class --epochs 10"
model $shared/adult-train.csv "--target 15 --epochs 5" --no-header
model $shared/sklearn_digits.csv.gz "--target 65" --no-header
model $shared/letter.csv "--target 17 --epochs 5" --no-header
model $shared/winequality-white.csv "--target 12 --task regression" --no-header
model $shared/california_housing.csv.gz "--target medianHouseValue --epochs 10"

pytorch=peers/.venv-pytorch/bin/python
if $pytorch -c 'import torch, safetensors' 2> /dev/null; then
    $pytorch tests/export/pytorch.py random "$work/random" || failed=1
    $pytorch tests/export/pytorch.py example "$program" data/wdbc.csv "$work" || failed=1
else
    echo "SKIPPED: weights for PyTorch, since peers/setup.sh pytorch has not been run"
fi
exit $failed
