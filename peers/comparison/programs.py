"""The programs that are compared, and how one is run."""

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PEERS_FOLDER = Path(__file__).resolve().parent.parent
REPOSITORY = PEERS_FOLDER.parent

TRAINS_AND_PREDICTS = frozenset({"train", "latency", "throughput", "check"})

SLOWING_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""They make OpenBLAS take kernels for another processor than the one it runs on."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


class Unavailable(Exception):
    """A program that gave no result, and why."""


@dataclass(frozen=True)
class Program:
    """A worker: takes the arguments of a piece of work and prints one line of JSON."""

    name: str
    command: tuple
    modes: frozenset = TRAINS_AND_PREDICTS
    ranked: bool = True
    """Whether it does the whole work and may be called the best peer."""

    def run(self, work, seconds, timeout):
        """The worker's figures for one piece of work."""
        if not self.present():
            raise Unavailable("absent")
        pinned = pin_to_cores(work.threads)
        try:
            done = subprocess.run([*pinned, *self.command, *work.arguments(seconds)], cwd=REPOSITORY, text=True,
                                  env=environment(work.threads), capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"gave no result in {timeout} seconds") from error
        if done.returncode != 0:
            raise Unavailable(f"failed: {last_line(done.stderr)}")
        try:
            return json.loads(last_line(done.stdout))
        except json.JSONDecodeError as error:
            raise Unavailable(f"printed no JSON: {last_line(done.stdout)}") from error

    def present(self):
        """Whether its program is there; that it works is seen when it runs."""
        program = self.command[0]
        return (REPOSITORY / program).is_file() if os.sep in program else shutil.which(program) is not None


def ours(command):
    return Program("Backprop", tuple(shlex.split(command)))


def peers():
    """All peers by name, the default ones first."""
    programs = [
        python_peer("JAX", "jax"),
        python_peer("PyTorch", "pytorch"),
        rust_peer("candle"),
        rust_peer("burn"),
        python_peer("scikit-learn", "scikit-learn"),
        python_peer("NumPy", "numpy", environment="scikit-learn"),
        python_peer("ONNX Runtime", "onnxruntime", modes=frozenset({"latency", "throughput", "check"})),
        rust_peer("gemm", name="gemm (products only)", modes=TRAINS_AND_PREDICTS - {"check"}, ranked=False),
    ]
    return {program.name: program for program in programs}


def optional_peers():
    return {"PyTorch compiled": python_peer("PyTorch compiled", "pytorch-compiled", environment="pytorch")}


def reference():
    """The textbook's step in f64, with whichever environment has NumPy: all of them."""
    candidates = [python_peer("reference", "reference", environment=it.name.removeprefix(".venv-"))
                  for it in sorted(PEERS_FOLDER.glob(".venv-*"))]
    return next((candidate for candidate in candidates if candidate.present()), None)


def python_peer(name, worker, environment=None, **options):
    python = PEERS_FOLDER / f".venv-{environment or worker}" / "bin" / "python"
    return Program(name, (str(python), str(PEERS_FOLDER / "python" / "worker.py"), worker), **options)


def rust_peer(program, name=None, **options):
    binary = REPOSITORY / "crates" / "peers" / "target" / "release" / f"peer-{program}"
    return Program(name or program, (str(binary),), **options)


def environment(threads):
    kept = {name: value for name, value in os.environ.items() if name not in SLOWING_VARIABLES}
    return kept | dict.fromkeys(THREAD_VARIABLES, str(threads))


def pin_to_cores(threads):
    """As many cores as threads, always the same ones; nothing where the system has no taskset."""
    if shutil.which("taskset") is None:
        return []
    cores = sorted(os.sched_getaffinity(0))[:threads]
    return ["taskset", "-c", ",".join(map(str, cores))]


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "nothing"
