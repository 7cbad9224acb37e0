"""Find the files that have changed since a git revision, for `--changed-since`.

Git is asked in the repository of the file, which need not be that of the working directory. Where it cannot tell, a file has
changed: a check too many is cheap, and one too few is a check that did not run.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bulkq.errors import UsageError

PATIENCE_S = 30.0

ELSEWHERE = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"})
"""What a hook of git is told about its own repository."""


class Changes:
    """Says of files whether they differ from a revision.

    Args:
        revision: as git writes it.

    Raises:
        UsageError: it is none, whatever the repository.
    """

    def __init__(self, revision: str) -> None:
        if revision.startswith("-"):
            raise UsageError(f'--changed-since "{revision}": a revision does not begin with a dash')
        self._revision = revision
        self._known: dict[Path, Repository] = {}
        self._unknown: dict[Path, UsageError] = {}

    def __call__(self, file: Path) -> bool:
        """Whether `file`, or a link that leads to it, has changed; true of what is new, ignored or in no repository."""
        links = [path for path in (file.absolute(), *file.absolute().parents) if path.is_symlink()]
        return self._changed(file.resolve()) is not False or any(
            self._changed(link.parent.resolve() / link.name) for link in links
        )

    def verify(self) -> None:
        """Say that no repository of the files that were asked for knows the revision; without files, that of this folder.

        Raises:
            UsageError: with what git says.
        """
        if not self._known and not self._unknown:
            self._repository(Path.cwd())
        if not self._known:
            raise next(iter(self._unknown.values()))

    def _changed(self, path: Path) -> bool | None:
        """None: it is in no repository that knows the revision."""
        repository = self._repository(path.parent)
        return None if repository is None else repository.changed(path)

    def _repository(self, folder: Path) -> Repository | None:
        folder = next((path for path in (folder, *folder.parents) if path.is_dir()), folder)
        if folder not in self._known and folder not in self._unknown:
            try:
                found = _repository(self._revision, folder, Path.cwd())
                self._known[folder] = next((one for one in self._known.values() if one == found), found)
            except UsageError as error:
                self._unknown[folder] = error
        return self._known.get(folder)


@dataclass(frozen=True)
class Repository:
    """A working tree, and the revision of it that is compared with."""

    top: Path
    revision: str
    commit: str

    @cached_property
    def _differing(self) -> frozenset[str]:
        options = ("--no-relative", "--name-only", "-z", "--no-renames", "--end-of-options")
        return _names(_git(self.revision, self.top, "diff", *options, self.commit, "--"))

    @cached_property
    def _tracked(self) -> frozenset[str]:
        return _names(_git(self.revision, self.top, "ls-files", "-z", "--full-name"))

    def changed(self, path: Path) -> bool:
        """Whether a file of it differs, or is none that git looks after."""
        name = path.relative_to(self.top).as_posix()
        return name in self._differing or name not in self._tracked


def _repository(revision: str, folder: Path, here: Path) -> Repository:
    """The repository of `folder`, if it knows `revision`.

    Of a submodule the commit counts that its superproject had then, unless one works in it: `HEAD` is another commit in either.

    Raises:
        UsageError: no repository, no such revision.
    """
    top, *above = _git(
        revision, folder, "rev-parse", "--show-toplevel", "--show-superproject-working-tree"
    ).splitlines()
    own = Path(top).resolve()
    if above and not here.resolve().is_relative_to(own):
        around = _repository(revision, Path(above[0]).resolve(), here)
        place = own.relative_to(around.top).as_posix()
        commit = _git(revision, around.top, "rev-parse", "--verify", "--quiet", f"{around.commit}:{place}").strip()
    else:
        commit = revision
    whole = f"{commit}^{{commit}}"
    found = _git(revision, own, "rev-parse", "--verify", "--quiet", "--end-of-options", whole)
    return Repository(own, revision, found.split()[-1])


def _names(listed: str) -> frozenset[str]:
    return frozenset(name for name in listed.split("\0") if name)


def _git(revision: str, folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the revision is one argument behind an end of options
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the git of the user's path
            capture_output=True,
            check=False,
            env=environment,
            timeout=PATIENCE_S,
        )
    except FileNotFoundError:
        raise UsageError("--changed-since needs git, which is not installed") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"--changed-since: git gave no answer within {PATIENCE_S:g}s") from None
    if done.returncode == 0:
        return os.fsdecode(done.stdout)
    said = os.fsdecode(done.stderr).strip().splitlines()
    if any("not a git repository" in line for line in said):
        raise UsageError(f'--changed-since {revision}: "{folder}" is not in a git repository')
    reason = (
        said[-1].removeprefix("fatal: ") if said else "git does not find this revision (a shallow clone contains few)"
    )
    raise UsageError(f'--changed-since "{revision}": {reason}')
