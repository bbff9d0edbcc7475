"""Which package the schema module is, what its files say of it, and what its models hold."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import SchemaModuleError
from lamin_migrate_kit.file_set import FOLDER
from lamin_migrate_kit.schema_module import SchemaModule, find_schema_module, installed_schema_module
from lamin_migrate_kit.settings import Settings, read_settings

INIT = '"""Core."""\n_schema_id = "yvzi"\n_name = "core"\n_migration = "8280855a5064"\n__version__ = "0.33.8"\n'

Write = Callable[..., Path]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "a répo"
    folder.mkdir()
    return folder


@pytest.fixture
def write(repo: Path) -> Write:
    """Write a file of the repository; gives its path."""

    def write_file(name: str, text: str | bytes = "") -> Path:
        path = repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path

    return write_file


def find(repo: Path) -> SchemaModule:
    return find_schema_module(read_settings(repo, {}))


def refused(repo: Path) -> SchemaModuleError:
    with pytest.raises(SchemaModuleError) as caught:
        find(repo)
    assert caught.value.exit_code == 2
    return caught.value


def in_another_process(repo: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Models are imported once a process, so each test that imports some has its own."""
    header = f"""
        from pathlib import Path
        from lamin_migrate_kit.errors import MigrateKitError
        from lamin_migrate_kit.schema_module import find_schema_module
        from lamin_migrate_kit.settings import read_settings
        import sys
        module = find_schema_module(read_settings(Path({str(repo)!r}), {{}}))
        """
    script = textwrap.dedent(header) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=repo.parent,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def import_error(repo: Path) -> str:
    """What the author is told when the models cannot be imported."""
    done = in_another_process(
        repo,
        """
        try:
            module.metadata()
        except MigrateKitError as error:
            print(error)
        """,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def table_keys(repo: Path) -> list[str]:
    done = in_another_process(repo, "print(' '.join(sorted(module.metadata().tables)))")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# Finding


def test_the_package_that_pyproject_names(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "lnschema_core"\n')
    write("lnschema_core/__init__.py", INIT)
    write("other/__init__.py", '_schema_id = "zzzz"\n')
    module = find(repo)
    assert module == SchemaModule(
        package="lnschema_core",
        folder=repo / "lnschema_core",
        root=repo,
        name="core",
        schema_id="yvzi",
        migration="8280855a5064",
        migration_line=4,
        version="0.33.8",
        version_files=(repo / "lnschema_core" / "__init__.py",),
    )
    assert module.versions_folder == repo / "lnschema_core" / "migrations" / "versions"
    assert module.checksums_file == repo / "lnschema_core" / "migrations" / "checksums.txt"
    assert (module.version_table, module.deployments_table) == ("migration_yvzi", "version_yvzi")
    assert module.shown(module.init_file) == "lnschema_core/__init__.py"


@pytest.mark.parametrize("base", [".", "src"])
@pytest.mark.parametrize("sign", ["_schema_id", "migrations"])
def test_the_only_package_that_looks_like_one(repo: Path, write: Write, base: str, sign: str) -> None:
    write("pyproject.toml")
    write(f"{base}/app/__init__.py", INIT if sign == "_schema_id" else "")
    if sign == "migrations":
        write(f"{base}/app/migrations/env.py")
    write("tools/__init__.py")
    write("tests/fake/__init__.py", INIT)
    write("tests/__init__.py", INIT)
    write(".hidden/__init__.py", INIT)
    write("my-env/pyvenv.cfg")
    write("venv_of_mine/pyvenv.cfg")
    write("venv_of_mine/__init__.py", INIT)
    assert find(repo).folder == repo / base / "app"


def test_the_package_is_found_from_a_folder_below(repo: Path, write: Write) -> None:
    write("pyproject.toml")
    write("core/__init__.py", INIT)
    (repo / "core" / "migrations").mkdir()
    assert find_schema_module(read_settings(repo / "core" / "migrations", {})).root == repo


def test_a_package_with_alembic_alone_needs_none_of_the_names(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[project]\nname = "app"\nversion = "2.1"\n')
    write("app/__init__.py")
    write("app/migrations/env.py")
    module = find(repo)
    assert (module.schema_id, module.migration, module.migration_line) == (None, None, None)
    assert (module.name, module.version_table, module.deployments_table) == ("app", "alembic_version", "version_app")
    assert (module.version, module.version_files) == ("2.1", (repo / "pyproject.toml",))


def test_the_name_is_the_packages_without_its_prefix(repo: Path, write: Write) -> None:
    write("lnschema_bionty/__init__.py", '_schema_id = "zdno"\n_migration = None\n')
    module = find(repo)
    assert (module.name, module.migration, module.migration_line) == ("bionty", None, 2)


def test_a_package_inside_another_one(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "company.models"\n')
    write("src/company/__init__.py")
    write("src/company/models/__init__.py", INIT)
    assert find(repo).folder == repo / "src" / "company" / "models"


def test_a_named_package_further_down_has_its_own_project(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "core"\n')
    write("examples/core-project/pyproject.toml", '[project]\nversion = "3.0"\n')
    write("examples/core-project/core/__init__.py", '_schema_id = "yvzi"\n_migration = None\n')
    module = find(repo)
    assert (module.root, module.version) == (repo / "examples" / "core-project", "3.0")


def test_a_package_with_a_name_of_other_letters(repo: Path, write: Write) -> None:
    write("größe/__init__.py", INIT)
    write("größe/models.py", SQLMODEL)
    assert find(repo).package == "größe"
    assert table_keys(repo) == ["core.notebook"]


def test_a_link_to_the_package_is_no_second_one(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    (repo / "a_link").symlink_to("core")
    (repo / "z_link").symlink_to("core")
    (repo / "dangling").symlink_to("nowhere")
    assert find(repo).folder == repo / "core"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_may_not_be_looked_into(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    (repo / "data").mkdir(mode=0)
    assert find(repo).package == "core"


def test_django_migrations_are_not_ours(repo: Path, write: Write) -> None:
    write("shop/__init__.py")
    write("shop/migrations/0001_initial.py")
    write("core/__init__.py", INIT)
    assert find(repo).package == "core"


def test_no_module_is_told_with_what_was_seen_and_the_lines_to_write(repo: Path, write: Write) -> None:
    write("pyproject.toml")
    write("app/__init__.py")
    write("src/lib/__init__.py")
    error = refused(repo)
    assert "No schema module was found" in error.what
    assert "Packages seen: app, src/lib." in error.what
    assert error.where == str(repo)
    assert error.next_command is not None
    assert '[tool.lamin_migrate_kit]\npackage = "' in error.next_command


def test_an_empty_folder_has_no_module_and_is_the_wrong_place(repo: Path) -> None:
    error = refused(repo)
    assert "Packages seen: none." in error.what
    assert error.next_command is not None
    assert error.next_command.startswith("cd PROJECT ")
    assert "lamin-migrate deploy --package PACKAGE" in error.next_command


def test_a_project_further_down_is_pointed_to(repo: Path, write: Write) -> None:
    write("examples/core/pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "core"\n')
    write("examples/core/core/__init__.py", INIT)
    command = refused(repo).next_command
    assert command is not None
    assert command.startswith("cd examples/core ")


def test_several_modules_are_told_with_why_and_the_lines_to_write(repo: Path, write: Write) -> None:
    write("one/__init__.py", INIT)
    write("src/two/__init__.py")
    write("src/two/migrations/versions/a.py")
    error = refused(repo)
    assert "Several packages" in error.what
    assert error.details == "one  (_schema_id)\nsrc/two  (migrations/)"
    assert error.next_command == 'write into pyproject.toml:\n[tool.lamin_migrate_kit]\npackage = "one"'


def test_a_named_package_that_is_not_there(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "cor"\n')
    write("core/__init__.py", INIT)
    error = refused(repo)
    assert "names the package cor, and there is no folder cor" in error.what
    assert "Packages seen: core." in error.what


def test_a_named_folder_without_init(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "core"\n')
    write("core/models.py")
    assert "core has no __init__.py" in refused(repo).what


def test_a_named_package_that_is_there_twice(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "core"\n')
    write("one/core/__init__.py", INIT)
    write("two/core/__init__.py", INIT)
    error = refused(repo)
    assert error.details == "one/core  (_schema_id)\ntwo/core  (_schema_id)"


# What __init__.py says


def test_a_missing_migration_is_told_with_the_newest_revision(repo: Path, write: Write) -> None:
    write("core/__init__.py", '\n_schema_id = "yvzi"\n')
    write("core/migrations/versions/2023-02-13-8280855a5064-v0_33_8.py")
    write("core/migrations/versions/2022-08-16-8c2f9d1e4a37-v0_1_0.py")
    error = refused(repo)
    assert "sets `_schema_id`, and no `_migration`" in error.what
    assert error.where == "core/__init__.py:2"
    assert error.next_command == 'add to core/__init__.py:\n_migration = "8280855a5064"'


def test_a_missing_migration_without_revisions_is_none(repo: Path, write: Write) -> None:
    write("core/__init__.py", '_schema_id = "yvzi"\n')
    assert refused(repo).next_command == "add to core/__init__.py:\n_migration = None"


def test_a_migration_assigned_twice(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT + '_migration = "6a73c00555b4"\n')
    error = refused(repo)
    assert error.what == "`_migration` is assigned more than once in core/__init__.py: lines 4 and 6."
    assert error.where == "core/__init__.py:6"
    assert error.next_command == 'keep one line in core/__init__.py:\n_migration = "6a73c00555b4"'


@pytest.mark.parametrize("value", ['""', '"  "'])
def test_an_empty_schema_id_is_no_id(repo: Path, write: Write, value: str) -> None:
    """It would be taken for a package that only has Alembic, with another version table."""
    write("core/__init__.py", f"_schema_id = {value}\n_migration = None\n")
    error = refused(repo)
    assert "`_schema_id` in core/__init__.py is empty" in error.what
    assert error.where == "core/__init__.py:1"


def test_a_computed_migration(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT.replace('"8280855a5064"', "head()"))
    error = refused(repo)
    assert error.what.startswith("`_migration` is computed in core/__init__.py")
    assert error.where == "core/__init__.py:4"


def test_a_syntax_error_in_init(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT + "x = = 1\n")
    error = refused(repo)
    assert (error.where, error.details) == ("core/__init__.py:6", "x = = 1")


def test_nothing_of_the_package_runs_when_it_is_found(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT + "raise SystemExit('ran')\n")
    write("core/models.py", "raise SystemExit('ran')\n")
    assert find(repo).version == "0.33.8"


@pytest.mark.parametrize(
    ("init", "pyproject", "version", "files"),
    [
        ('__version__ = "1.0"', "", "1.0", ["core/__init__.py"]),
        ("", '[project]\nversion = "1.1"', "1.1", ["pyproject.toml"]),
        ('__version__ = "1.0"', '[project]\nversion = "1.1"', "1.0", ["core/__init__.py", "pyproject.toml"]),
        ('__version__ = version("core")', '[project]\nversion = "1.1"', "1.1", ["pyproject.toml"]),
        ("", '\ufeff[project]\nversion = "1.1"\r\n', "1.1", ["pyproject.toml"]),
        ("", '[project]\ndynamic = ["version"]', "0", []),
        ("from ._version import __version__", "", "0", []),
    ],
)
def test_the_version_is_where_the_author_keeps_it(
    repo: Path, write: Write, init: str, pyproject: str, version: str, files: list[str]
) -> None:
    write("core/__init__.py", f'_schema_id = "yvzi"\n_migration = None\n{init}\n')
    write("pyproject.toml", pyproject.encode())
    module = find(repo)
    assert module.version == version
    assert [module.shown(path) for path in module.version_files] == files


def test_what_a_killed_command_left_is_put_back_first(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    write(f"core/{FOLDER}/0.new", "half")
    find(repo)
    assert not (repo / "core" / FOLDER).exists()


# Installed packages


def test_an_installed_package_is_found_without_importing_it(
    repo: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("site/installed_core/__init__.py", INIT + "raise SystemExit('ran')\n")
    monkeypatch.syspath_prepend(repo / "site")
    module = installed_schema_module("installed_core")
    assert (module.folder, module.migration) == (repo / "site" / "installed_core", "8280855a5064")
    assert "installed_core" not in sys.modules


def test_an_installed_version_comes_from_the_distribution(
    repo: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("site/installed_too/__init__.py", '_schema_id = "yvzi"\n_migration = None\n')
    write("site/installed_too-4.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: installed-too\nVersion: 4.2\n")
    monkeypatch.syspath_prepend(repo / "site")
    module = installed_schema_module("installed_too")
    assert (module.version, module.version_files) == ("4.2", ())


@pytest.mark.parametrize("package", ["no_such_package", "no_such_package.models", "this"])
def test_a_package_that_is_not_installed(package: str) -> None:
    with pytest.raises(SchemaModuleError, match=f"no package {package} to import"):
        installed_schema_module(package)


# Models

SQLMODEL = """
    from sqlmodel import Field, SQLModel

    class Notebook(SQLModel, table=True):
        __table_args__ = {"schema": "core"}
        id: str = Field(primary_key=True)
    """
DECLARATIVE = """
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    class Base(DeclarativeBase):
        pass

    class Page(Base):
        __tablename__ = "page"
        id: Mapped[int] = mapped_column(primary_key=True)
    """


@pytest.mark.parametrize(("models", "keys"), [(SQLMODEL, ["core.notebook"]), (DECLARATIVE, ["page"])])
@pytest.mark.parametrize("imported_by_init", [True, False])
def test_the_metadata_of_the_models(
    repo: Path, write: Write, models: str, keys: list[str], imported_by_init: bool
) -> None:
    write("core/__init__.py", INIT + ("from . import models\n" if imported_by_init else ""))
    write("core/models.py", models)
    assert table_keys(repo) == keys


def test_every_module_of_models_is_imported(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    write("core/models/__init__.py")
    write("core/models/_notebook.py", SQLMODEL)
    write("core/models/deep/__init__.py")
    write("core/models/deep/more.py", SQLMODEL.replace("Notebook", "More"))
    assert table_keys(repo) == ["core.more", "core.notebook"]


def test_core_tables_without_classes(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    write("core/models.py", "from sqlalchemy import *\nm = MetaData()\nt = Table('t', m, Column('id', Integer))\n")
    assert table_keys(repo) == ["t"]


def test_models_that_are_all_gone_are_an_empty_metadata(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    write("core/models.py", DECLARATIVE.partition("class Page")[0])
    assert table_keys(repo) == []


def test_no_metadata_is_told_with_the_setting(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    message = import_error(repo)
    assert "no SQLModel or SQLAlchemy class with a table was found" in message
    assert 'metadata = "core.models:Base.metadata"' in message


def test_several_metadata_are_told_and_a_setting_decides(repo: Path, write: Write) -> None:
    write("pyproject.toml")
    write("core/__init__.py", INIT)
    write("core/models/__init__.py")
    write("core/models/one.py", DECLARATIVE)
    write("core/models/two.py", DECLARATIVE.replace("page", "leaf"))
    message = import_error(repo)
    assert "core has several MetaData: core.models.one:Base.metadata, core.models.two:Base.metadata." in message
    write("pyproject.toml", '[tool.lamin_migrate_kit]\nmetadata = "core.models.two:Base.metadata"\n')
    assert table_keys(repo) == ["leaf"]
    write("pyproject.toml", '[tool.lamin_migrate_kit]\nmetadata = "core.models.two:Base"\n')
    assert table_keys(repo) == ["leaf"]
    write("pyproject.toml", '[tool.lamin_migrate_kit]\nmetadata = "core.models.two:Bass.metadata"\n')
    assert "names no SQLAlchemy MetaData" in import_error(repo)


def test_a_setting_that_names_no_module_is_told_as_the_setting(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    write("core/models.py", DECLARATIVE)
    for path, module in (("nowhere:Base.metadata", "nowhere"), ("core.tables:Base", "core.tables")):
        write("pyproject.toml", f'[tool.lamin_migrate_kit]\nmetadata = "{path}"\n')
        message = import_error(repo)
        assert f"`metadata = '{path}'` in pyproject.toml names the module {module}, which is not there." in message
        assert 'metadata = "core.models:Base.metadata"' in message
    write("core/tables.py", "import no_such_library\n")
    assert "core cannot be imported: ModuleNotFoundError: No module named 'no_such_library'" in import_error(repo)


def test_a_metadata_in_a_module_that_nobody_imports(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.lamin_migrate_kit]\nmetadata = "core.tables:Base.metadata"\n')
    write("core/__init__.py", INIT)
    write("core/tables.py", DECLARATIVE)
    assert table_keys(repo) == ["page"]


def test_shared_metadata_is_divided_by_the_module_that_defines_each_class(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "bionty"\n')
    write("core/__init__.py", SQLMODEL)
    write("core/links.py", "from sqlmodel import SQLModel\nfrom sqlalchemy import Table, Column, Integer\n")
    write("core/links.py", (repo / "core/links.py").read_text() + "x = Table('x', SQLModel.metadata)\n")
    write("bionty_not/__init__.py", SQLMODEL.replace("Notebook", "Other"))
    write("bionty/__init__.py", '_schema_id = "zdno"\n_migration = None\n')
    write(
        "bionty/models.py",
        """
        import core.links, bionty_not
        from core import Notebook
        from sqlalchemy import Column, ForeignKey, Table
        from sqlmodel import Field, SQLModel

        class Gene(SQLModel, table=True):
            __table_args__ = {"schema": "bionty"}
            id: str = Field(primary_key=True)
            notebook: str = Field(foreign_key="core.notebook.id")

        pairs = Table("pairs", SQLModel.metadata, Column("gene", ForeignKey("bionty.gene.id")))
        """,
    )
    assert table_keys(repo) == ["bionty.gene", "core.notebook", "core.other", "pairs", "x"]
    done = in_another_process(repo, "print(sorted(module.owned_tables()))")
    assert done.stdout.strip() == "['bionty.gene', 'pairs']"


def test_a_checkout_is_imported_rather_than_an_installed_package(repo: Path, write: Write) -> None:
    write("installed/core/__init__.py", SQLMODEL.replace("Notebook", "Installed"))
    write("pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "core"\n')
    write("src/core/__init__.py", INIT)
    write("src/core/models.py", SQLMODEL)
    code = f"""
        sys.path.insert(0, {str(repo / "installed")!r})
        print(' '.join(module.metadata().tables))
        """
    assert in_another_process(repo, code).stdout.split() == ["core.notebook"]


def test_another_copy_in_the_same_process_is_refused(repo: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.lamin_migrate_kit]\npackage = "core"\n')
    write("other/core/__init__.py")
    write("core/__init__.py", INIT)
    code = f"""
        sys.path.insert(0, {str(repo / "other")!r})
        import core
        try:
            module.metadata()
        except MigrateKitError as error:
            print(error)
        """
    message = in_another_process(repo, code).stdout
    assert f"core is already imported from {repo / 'other' / 'core'}" in message
    assert "in a process of its own" in message


def test_asking_twice_gives_the_same_metadata(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    write("core/models.py", SQLMODEL)
    assert in_another_process(repo, "print(module.metadata() is module.metadata())").stdout == "True\n"


def test_what_models_print_stays_out_of_stdout(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    write("core/models.py", "print('loaded')\n" + textwrap.dedent(SQLMODEL))
    done = in_another_process(repo, "module.metadata()")
    assert (done.stdout, done.stderr) == ("", "loaded\n")


BROKEN = [
    ("x = 1\ny = z\n", "NameError: name 'z' is not defined", 2),
    ("x = = 1\n", "SyntaxError: invalid syntax", 1),
    ("import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'", 1),
    ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
    ("raise RuntimeError\n", "RuntimeError", 1),
    (
        "from sqlmodel import SQLModel\n\n\nclass Notebook(SQLModel, table=True):\n    id: int\n",
        "ArgumentError: Mapper Mapper[Notebook(notebook)] could not assemble any primary key columns",
        4,
    ),
    ("from core.helper import f\n\nf()\n", "ValueError: no", "helper"),
]


@pytest.mark.parametrize(("models", "says", "line"), BROKEN)
def test_models_that_fail_to_import_are_told_with_the_authors_own_line(
    repo: Path, write: Write, models: str, says: str, line: int | str
) -> None:
    write("core/__init__.py", INIT + "from . import models\n")
    write("core/models.py", models)
    write("core/helper.py", "def f():\n    raise ValueError('no')\n")
    message = import_error(repo)
    place = f"{repo}/core/helper.py:2" if line == "helper" else f"{repo}/core/models.py:{line}"
    assert f"core cannot be imported: {says}" in message
    assert f"where: {place}\n" in message
    assert 'mend it; for the whole traceback: python -c "import core"' in message


def test_sigterm_during_the_import_ends_the_process_and_is_no_mistake_of_the_models(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT + "from . import models\n")
    write("core/models.py", "import signal\nsignal.raise_signal(signal.SIGTERM)\n")
    done = in_another_process(
        repo,
        """
        from lamin_migrate_kit.interruption import termination_raises
        with termination_raises():
            module.metadata()
        """,
    )
    assert (done.returncode, done.stderr) == (143, "")


def test_a_syntax_error_in_the_models_is_shown_with_its_mark(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    write("core/models.py", "x = 1\ny = = 2\n")
    message = import_error(repo)
    assert f'File "{repo}/core/models.py", line 2\n      y = = 2\n          ^\n' in message


def test_a_missing_dependency_comes_with_the_command_to_install(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    write("core/models.py", "import no_such_library.models\n")
    assert "next:  pip install -e .   # when no_such_library is one of the project's" in import_error(repo)
    write("core/models.py", "import core.no_such_module\n")
    assert "pip install" not in import_error(repo)


def test_objects_that_answer_for_others_are_not_asked(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    proxy = """
        class Proxy:
            @property
            def __class__(self):
                raise RuntimeError("outside of a request")
        proxy = Proxy()
        """
    write("core/models.py", textwrap.dedent(SQLMODEL) + textwrap.dedent(proxy))
    assert in_another_process(repo, "print(*module.owned_tables())").stdout == "core.notebook\n"


def test_the_details_are_the_authors_frames_only(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT + "from . import models\n")
    write("core/models.py", BROKEN[5][0])
    message = import_error(repo)
    frames = [line.strip() for line in message.splitlines() if line.strip().startswith("File ")]
    assert [frame.partition(", in")[0] for frame in frames] == [
        f'File "{repo}/core/__init__.py", line 6',
        f'File "{repo}/core/models.py", line 4',
    ]


def test_a_module_value_can_be_changed_for_a_test_and_stays_frozen(repo: Path, write: Write) -> None:
    write("core/__init__.py", INIT)
    module = find_schema_module(Settings(root=repo))
    assert replace(module, version="1.0.0").version == "1.0.0"
    with pytest.raises(AttributeError):
        module.version = "1.0.0"  # type: ignore[misc]
