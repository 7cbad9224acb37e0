"""The files that are not Python travel: in the wheel, and in an editable install."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bulkq.ledger.revision_constants import HEAD

ROOT = Path(__file__).parents[2]
BUILD = "import sys, hatchling.build as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"
FIND = "import sys, site; site.addsitedir(sys.argv[1]); from bulkq import package_data; print(package_data.find(sys.argv[2]))"


def build(kind: str, folder: Path) -> Path:
    """Build a wheel of the checkout, `build_wheel` or `build_editable`, and unpack it."""
    built = subprocess.run(
        [sys.executable, "-c", BUILD, kind, str(folder)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    site = folder / "site"
    with zipfile.ZipFile(folder / built.stdout.split()[-1]) as wheel:
        wheel.extractall(site)
    return site


def find(site: Path, kind: str) -> Path:
    """Where a process that has only this installation finds the folder."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", FIND, str(site), kind],
        cwd=site,
        check=True,
        capture_output=True,
        text=True,
        env=env,
    )
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked wheel."""
    return build("build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked editable wheel: a path to the checkout."""
    return build("build_editable", tmp_path_factory.mktemp("editable"))


def files(folder: Path) -> set[str]:
    """Relative names of all files."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


@pytest.mark.parametrize("kind", ["sql", "migrations"])
def test_the_wheel_has_the_folder_and_finds_it(wheel: Path, kind: str) -> None:
    """Every file of the folder is in the wheel, below the package, and is found there."""
    found = find(wheel, kind)
    assert found == wheel / "bulkq" / f"_{kind}"
    assert files(found) == files(ROOT / kind) != set()


@pytest.mark.parametrize("kind", ["sql", "migrations"])
def test_an_editable_install_finds_the_folder_in_the_checkout(editable: Path, kind: str) -> None:
    """A developer sees a changed file at once, without building."""
    assert files(find(editable, kind)) == files(ROOT / kind)


def test_the_wheel_has_the_man_pages(wheel: Path) -> None:
    """They are installed in `share/man/man1` of the environment, where `man` looks."""
    (folder,) = wheel.glob("*.data/data/share/man/man1")
    assert files(folder) == files(ROOT / "man" / "man1")


def test_the_wheel_is_typed_licensed_and_has_its_command(wheel: Path) -> None:
    """`py.typed`, the licence and the `bulkq` script are in the wheel; tests and benchmarks are not."""
    names = files(wheel)
    assert "bulkq/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    entry = next(wheel.glob("*.dist-info/entry_points.txt")).read_text()
    assert "bulkq = bulkq.__main__:main" in entry
    assert {name.split("/")[0].split("-")[0] for name in names} == {"bulkq"}


UPGRADE = """
import asyncio, site, sqlite3, sys
site.addsitedir(sys.argv[1])
sys.path += sys.argv[3:]
import bulkq
from bulkq.ledger.revision_constants import HEAD
from bulkq.ledger import migrate, open_ledger
from sqlalchemy import create_engine
async def main():
    ledger = await open_ledger(sys.argv[2] + ".fresh")
    await ledger.close()
asyncio.run(main())
engine = create_engine(f"sqlite:///{sys.argv[2]}")
with engine.begin() as connection:
    migrate.migrate(connection)
engine.dispose()
print(bulkq.__file__)
print(sqlite3.connect(sys.argv[2]).execute("select version_num from alembic_version").fetchone()[0])
"""


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_an_installation_can_make_and_migrate_a_ledger(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The revisions that travelled are found and run by Alembic, from the wheel and from the checkout."""
    site: Path = request.getfixturevalue(kind)
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", UPGRADE, str(site), str(tmp_path / "l.db"), *libraries],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTHON"))},
    )
    package, revision = done.stdout.split()
    assert package.startswith(str(site if kind == "wheel" else ROOT))
    assert revision == HEAD
