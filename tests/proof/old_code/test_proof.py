"""What the previous release's code cannot do any more is named by table; where that code is not, nothing passes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lamin_migrate_kit.proof.old_code.proof import prove_old_code
from lamin_migrate_kit.proof.old_code.release import NoOldCode, previous_release
from lamin_migrate_kit.proof.run import prove_module
from lamin_migrate_kit.report.model import Proof, Status
from lamin_migrate_kit.report.progress import Progress
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import ADD, ADD_REQUIRED, CREATE, DROP, REMOVE, Project

Bench = Callable[[], Workbench]

pytestmark = pytest.mark.slow

OLD = """
    import sqlalchemy as sa

    metadata = sa.MetaData()
    note = sa.Table("note", metadata, sa.Column("id", sa.String, primary_key=True), schema="core")
"""
WITH_TITLE = OLD.replace(
    "primary_key=True), schema", 'primary_key=True), sa.Column("title", sa.Text, nullable=False), schema'
)
TITLED = f'{CREATE}\nop.add_column("note", sa.Column("title", sa.Text(), nullable=False), schema="core")'


def git(project: Project, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *arguments], cwd=project.root, check=True, capture_output=True)


def commit(project: Project, models: str) -> None:
    """Commit these models; afterwards the checkout has those of the project again."""
    kept = (project.folder / "models.py").read_text()
    project.models(models)
    if not (project.root / ".git").exists():
        git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "--allow-empty", "-m", "a commit")
    (project.folder / "models.py").write_text(kept)


def broken(proof: Proof) -> list[str]:
    assert all(finding.severity == "warning" for finding in proof.findings)
    return [finding.message for finding in proof.findings]


def test_column_that_old_code_does_not_know_breaks_nothing(project: Project, bench: Bench) -> None:
    commit(project, OLD)
    proof = prove_old_code(bench())
    assert (proof.status, proof.summary) == (Status.PASSED, "0.1.0: none of 1 table")


def test_renamed_column_breaks_reading_and_writing(project: Project, bench: Bench) -> None:
    project.revision("aaaa", None, TITLED, DROP, version="0_1_0")
    rename = 'op.alter_column("note", "title", new_column_name="name", schema="core")'
    project.revision("bbbb", "aaaa", rename, rename.replace('"title"', '"x"').replace('"name"', '"title"'))
    commit(project, WITH_TITLE)
    proof = prove_old_code(bench())
    assert proof.status is Status.PASSED
    assert broken(proof) == [
        "Code of 0.1.0 cannot read and update and insert core.note: column note.title does not exist"
    ]
    assert "git commit" in proof.findings[0].details
    assert proof.findings[0].file == f"{project.package}/migrations/versions/2023-01-01-bbbb-vx_x_x.py"


def test_column_that_old_code_would_have_to_fill_breaks_inserts(project: Project, bench: Bench) -> None:
    add = ADD_REQUIRED.replace("nullable=False", "nullable=False, server_default='x'")
    take = 'op.alter_column("note", "body", server_default=None, schema="core")'
    project.revision("bbbb", "aaaa", f"{add}\n{take}", REMOVE)
    commit(project, OLD)
    (message,) = broken(prove_old_code(bench()))
    assert message.startswith("Code of 0.1.0 cannot insert core.note: null value in column")


def test_dropped_table_and_narrowed_type_are_named(project: Project, bench: Bench) -> None:
    log = 'op.create_table("log", sa.Column("id", sa.Integer(), primary_key=True), schema="core")'
    project.revision("aaaa", None, f"{TITLED}\n{log}", DROP, version="0_1_0")
    narrow = 'op.execute("ALTER TABLE core.note ALTER title TYPE integer USING length(title)")'
    project.revision("bbbb", "aaaa", f'op.drop_table("log", schema="core")\n{narrow}', log)
    commit(
        project,
        f'{WITH_TITLE}    log = sa.Table("log", metadata, sa.Column("id", sa.Integer, primary_key=True), '
        'schema="core")\n',
    )
    messages = broken(prove_old_code(bench()))
    assert [message.partition(":")[0] for message in messages] == [
        "Code of 0.1.0 cannot read and insert core.log",
        "Code of 0.1.0 cannot update and insert core.note",
    ]


COUNTED = """
    import sqlalchemy as sa

    metadata = sa.MetaData()
    note = sa.Table(
        "note", metadata, sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False, server_default="x"), schema="core"
    )
"""


@pytest.mark.parametrize(
    ("upgrade", "why"),
    [
        ("ALTER TABLE core.note ALTER kind DROP DEFAULT", 'null value in column "kind"'),
        ("ALTER TABLE core.note ALTER id DROP DEFAULT", 'null value in column "id"'),
        (
            "ALTER TABLE core.note ALTER id DROP DEFAULT; DROP SEQUENCE core.note_id_seq;"
            "ALTER TABLE core.note ALTER id ADD GENERATED BY DEFAULT AS IDENTITY",
            "CountsAgain: the next id is 1, and there is a row with 1003",
        ),
    ],
)
def test_what_old_code_leaves_to_the_server_breaks_inserts(
    project: Project, bench: Bench, upgrade: str, why: str
) -> None:
    create = "CREATE SCHEMA core; CREATE TABLE core.note (id serial PRIMARY KEY, kind text NOT NULL DEFAULT 'x')"
    project.revision("aaaa", None, f"op.execute({create!r})", DROP, version="0_1_0")
    project.revision("bbbb", "aaaa", f"op.execute({upgrade!r})")
    commit(project, COUNTED)
    (message,) = broken(prove_old_code(bench()))
    assert message.startswith(f"Code of 0.1.0 cannot insert with the server's defaults into core.note: {why}")


def test_what_old_code_leaves_to_the_server_may_stay_there(project: Project, bench: Bench) -> None:
    create = "CREATE SCHEMA core; CREATE TABLE core.note (id serial PRIMARY KEY, kind text NOT NULL DEFAULT 'x')"
    project.revision("aaaa", None, f"op.execute({create!r})", DROP, version="0_1_0")
    project.revision("bbbb", "aaaa", 'op.add_column("note", sa.Column("body", sa.Text()), schema="core")')
    commit(project, COUNTED)
    assert broken(prove_old_code(bench())) == []


def test_upgrade_that_refuses_rows_is_tried_on_rows_that_it_takes(project: Project, bench: Bench) -> None:
    create = "CREATE SCHEMA core; CREATE TABLE core.author (id text PRIMARY KEY);"
    create += "CREATE TABLE core.note (id text PRIMARY KEY)"
    project.revision("aaaa", None, f"op.execute({create!r})", DROP, version="0_1_0")
    up = "ALTER TABLE core.note ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES core.author"
    project.revision("bbbb", "aaaa", f"op.execute({up!r})")
    commit(project, OLD)
    proof = prove_old_code(bench())
    assert (proof.status, proof.summary) == (Status.PASSED, "0.1.0: none of 1 table")


def test_upgrade_that_takes_no_row_is_not_proven_with_the_reason(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", ADD_REQUIRED, REMOVE)
    commit(project, OLD)
    proof = prove_old_code(bench())
    assert proof.status is Status.NOT_PROVEN
    assert "the upgrade does not run on rows" in proof.summary


def test_what_did_not_work_before_either_is_not_the_upgrades_doing(project: Project, bench: Bench) -> None:
    commit(project, WITH_TITLE)  # the release's own revision has no title
    assert broken(prove_old_code(bench())) == []


def test_release_is_the_tag_before_it_is_a_commit(project: Project, bench: Bench) -> None:
    commit(project, OLD)
    git(project, "tag", "v0.1.0")
    commit(project, "nonsense at the next commit, which still says 0.1.0")
    with previous_release(bench().module) as old:
        assert old.source == "git tag v0.1.0"
        assert "metadata" in (old.folder / "models.py").read_text()


def test_without_a_tag_it_is_the_commit_that_set_the_version(project: Project, bench: Bench) -> None:
    project.init("bbbb", "0.0.9")
    commit(project, "nonsense before the release")
    project.init("bbbb", "0.1.0")
    commit(project, OLD)
    commit(project, "nonsense after the release")
    with previous_release(bench().module) as old:
        assert old.source.startswith("git commit ")
        assert "metadata" in (old.folder / "models.py").read_text()


def test_installed_release_comes_before_git(
    project: Project, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(project, "nonsense in git")
    installed = tmp_path / "site-packages"
    shutil.copytree(project.folder, installed / project.package)
    opened = bench()
    monkeypatch.setattr(sys, "path", [str(installed), *sys.path])
    with previous_release(opened.module) as old:
        assert (old.source, old.folder) == ("installed", installed / project.package)


def test_code_that_is_nowhere_is_not_proven_with_the_reason(bench: Bench) -> None:
    proof = prove_old_code(bench())
    assert proof.status is Status.NOT_PROVEN
    assert "the code of 0.1.0 is not installed" in proof.summary
    with pytest.raises(NoOldCode), previous_release(bench().module):
        pass


def test_code_that_does_not_import_is_not_proven_with_the_reason(project: Project, bench: Bench) -> None:
    commit(project, "import nonsense_that_is_not_there\n")
    proof = prove_old_code(bench())
    assert proof.status is Status.NOT_PROVEN
    assert "nonsense_that_is_not_there" in proof.summary


def test_table_without_rows_was_not_written_and_is_not_proven(project: Project, bench: Bench) -> None:
    create = "op.execute(\"CREATE SCHEMA core; CREATE TABLE core.note (id text PRIMARY KEY CHECK (md5(id) = 'x'))\")"
    project.revision("aaaa", None, create, DROP, version="0_1_0")
    commit(project, OLD)
    proof = prove_old_code(bench())
    assert proof.status is Status.NOT_PROVEN
    assert "core.note had no rows to write" in proof.summary


def test_nothing_is_asked_when_nothing_is_unreleased(project: Project, bench: Bench) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    proof = prove_old_code(bench())
    assert (proof.status, proof.summary) == (Status.NOT_PROVEN, "no unreleased revision")


def test_package_without_a_release_has_no_old_code_and_no_such_proof(project: Project, server: Server) -> None:
    for path in project.versions.glob("*.py"):
        path.unlink()
    project.revision("bbbb", None, f"{CREATE}\n{ADD}", DROP)
    url = server.url.render_as_string(hide_password=False)
    settings = replace(project.settings(), server_url=url, provider="url", waive=(("old-code", "first release"),))
    report = prove_module(settings, command="ci", every=False, progress=Progress())
    assert "old-code" not in {proof.name for proof in report.proofs}
    assert report.unwaived == ()


def test_nothing_stays_of_the_trial(project: Project, bench: Bench, tmp_path: Path) -> None:
    commit(project, OLD)
    before = files(project)
    prove_old_code(bench())
    assert files(project) == before


def files(project: Project) -> list[Path]:
    return sorted(path for path in project.root.rglob("*") if not {".git", "__pycache__"} & set(path.parts))
