"""What a table has to say about where it was made."""

import os
import platform
import re
import subprocess
from pathlib import Path

VECTOR_FLAGS = ("avx2", "fma", "avx512f", "asimd", "sve")


def description():
    """Processor, its cores and vector extensions, system and compilers."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "vector extensions": [flag for flag in VECTOR_FLAGS if re.search(rf"\b{flag}\b", cpuinfo())],
        "system": f"{platform.system()} {platform.release()}",
        "rustc": first_line("rustc", "--version"),
        "load before": round(os.getloadavg()[0], 2),
    }


def processor():
    named = re.search(r"^model name\s*:\s*(.+)$", cpuinfo(), re.MULTILINE)
    return named.group(1) if named else platform.processor() or platform.machine()


def cpuinfo():
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"
