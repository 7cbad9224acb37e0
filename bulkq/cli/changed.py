"""Which files git says have changed since a revision, for `--changed-since`. Called by `bulkq.cli.check`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bulkq.errors import UsageError

PATIENCE_S = 30.0


def changed_since(revision: str) -> frozenset[Path]:
    """The files of this repository that differ from `revision`, and those that git does not know yet; whole paths.

    Raises:
        UsageError: no repository, no such revision, no git.
    """
    if revision.startswith("-"):
        raise UsageError(f'--changed-since "{revision}": a revision does not begin with a dash')
    top = Path(_git(revision, "rev-parse", "--show-toplevel").rstrip("\n"))
    _git(revision, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    differing = _git(
        revision,
        "-C",
        str(top),
        "diff",
        "--no-relative",
        "--name-only",
        "-z",
        "--no-renames",
        "--end-of-options",
        revision,
        "--",
    )
    new = _git(revision, "-C", str(top), "ls-files", "-z", "--others", "--exclude-standard", "--full-name")
    return frozenset((top / name).resolve() for name in (differing + new).split("\0") if name)


def _git(revision: str, *arguments: str) -> str:
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the revision is one argument behind an end of options
            ["git", *arguments],  # noqa: S607 - the git of the user's path
            capture_output=True,
            check=False,
            env=environment,
            timeout=PATIENCE_S,
        )
    except FileNotFoundError:
        raise UsageError("--changed-since asks git, which is not installed") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"--changed-since: git gave no answer within {PATIENCE_S:g}s") from None
    if done.returncode == 0:
        return os.fsdecode(done.stdout)
    said = os.fsdecode(done.stderr).strip().splitlines()
    if any("not a git repository" in line for line in said):
        raise UsageError(f'--changed-since {revision}: "{Path.cwd()}" is in no git repository')
    reason = said[-1].removeprefix("fatal: ") if said else "git knows no such revision (a shallow clone has few)"
    raise UsageError(f'--changed-since "{revision}": {reason}')
