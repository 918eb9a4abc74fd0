"""What a fresh process has loaded after some code ran in it."""

import subprocess
import sys


def loaded_after(code: str) -> set[str]:
    """Modules that are loaded after `code` ran in a fresh process."""
    code += "\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())
