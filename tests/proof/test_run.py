"""All proofs in order: what could not be run is never called passed, and says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lamin_migrate_kit.errors import SchemaModuleError
from lamin_migrate_kit.proof.run import prove_module
from lamin_migrate_kit.report.model import Environment, Proof, Report, Status
from lamin_migrate_kit.report.progress import Progress
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.settings import Settings
from tests.proof.project import ADD, MODELS, REMOVE, Project

ORDER = ["history", "names", "checksums", "repeatable", "upgrade", "match", "alembic-check", "stairway", "rows"]
ORDER += ["locks", "hazards", "old-code"]


class Heard(Progress):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.began: list[tuple[Environment, str]] = []
        self.proofs: list[Proof] = []

    def begin(self, environment: Environment, module: str) -> None:
        self.began.append((environment, module))

    def done(self, proof: Proof) -> None:
        self.proofs.append(proof)


@pytest.fixture
def here(project: Project, server: Server) -> Settings:
    """The project on the server of the test run, given by its URL."""
    url = server.url.render_as_string(hide_password=False)
    return replace(project.settings(), server_url=url, provider="url")


def run(settings: Settings, *, every: bool = False) -> tuple[Report, Heard]:
    heard = Heard()
    return prove_module(settings, command="ci", every=every, progress=heard), heard


def statuses(report: Report) -> dict[str, Status]:
    return {proof.name: proof.status for proof in report.proofs}


def test_all_proofs_run_in_order_and_are_told_as_they_are_done(here: Settings) -> None:
    report, heard = run(here)
    assert [proof.name for proof in report.proofs] == ORDER
    assert heard.proofs == list(report.proofs)
    assert report.passed
    assert not report.missing


def test_revision_without_a_downgrade_has_no_way_back_and_all_else_is_proven(project: Project, here: Settings) -> None:
    whole = statuses(run(here)[0])
    path = project.versions / "2023-01-01-bbbb-vx_x_x.py"
    path.write_text(path.read_text().partition("def downgrade")[0])
    report, _ = run(here)
    assert statuses(report) == whole | {"stairway": Status.NOT_PROVEN}


def test_rows_are_proven_with_rows_in_every_table(here: Settings) -> None:
    (rows,) = (proof for proof in run(here)[0].proofs if proof.name == "rows")
    assert rows.status is Status.PASSED
    assert [account.rows for account in rows.accounts] == [(("core.note", 3),)]


def test_report_says_on_what_it_was_proven(project: Project, here: Settings, server: Server) -> None:
    report, heard = run(here)
    ((began, module),) = heard.began
    assert module == f"{project.package} 0.1.0"
    asked_later = {name: getattr(report.environment, name) for name in ("platform", "packages", "settings")}
    assert replace(began, **asked_later) == report.environment
    assert (report.environment.provider, report.environment.pinned) == ("url", True)
    assert server.version in report.environment.postgres


def test_missing_operations_are_in_the_report(project: Project, here: Settings) -> None:
    project.revision("bbbb", "aaaa")
    report, _ = run(here)
    assert not report.passed
    assert report.missing[-1].startswith('op.add_column("note"')


def test_what_builds_on_a_failed_proof_is_not_proven_with_the_reason(project: Project, here: Settings) -> None:
    project.revision("bbbb", "aaaa", "op.execute('nonsense')", REMOVE)
    report, _ = run(here)
    failed = {name for name, status in statuses(report).items() if status is Status.FAILED}
    assert failed == {"upgrade"}
    later = [proof for proof in report.proofs if proof.name in ("match", "alembic-check", "stairway", "rows")]
    assert all(proof.status is Status.NOT_PROVEN and "did not pass" in proof.summary for proof in later)
    assert not report.missing


def test_unreadable_history_leaves_everything_else_not_proven_without_a_server(project: Project) -> None:
    project.revision("cccc", "aaaa")
    nowhere = replace(project.settings(), server_url="postgresql://127.0.0.1:1/none", provider="url")
    report, heard = run(nowhere)
    assert statuses(report) == {name: Status.FAILED if name == "history" else Status.NOT_PROVEN for name in ORDER}
    assert heard.began[0][0].postgres == ""
    assert [proof.name for proof in heard.proofs] == ORDER


def test_models_that_do_not_import_are_an_error_of_the_authors(project: Project) -> None:
    project.models("import nonsense_that_is_not_there\n")
    nowhere = replace(project.settings(), server_url="postgresql://127.0.0.1:1/none", provider="url")
    with pytest.raises(SchemaModuleError, match="nonsense_that_is_not_there"):
        run(nowhere)


def test_nothing_passes_for_revisions_that_are_not_there(project: Project, here: Settings) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    project.revision("bbbb", "aaaa", ADD, REMOVE, version="0_1_0")
    report, heard = run(here)
    assert [proof.name for proof in report.proofs] == [*ORDER[: ORDER.index("stairway")], "rows"]
    assert heard.proofs == list(report.proofs)
    assert report.passed
    said = "No revision is unreleased, so that there was none to ask for stairway, locks, hazards, old-code."
    assert said in report.notes
    all_of_it, _ = run(here, every=True)
    assert [proof.name for proof in all_of_it.proofs] == [*ORDER[: ORDER.index("stairway")], "stairway", "rows"]


def test_without_any_revision_nothing_is_asked_of_revisions(project: Project, here: Settings) -> None:
    for path in project.versions.glob("*.py"):
        path.unlink()
    report, _ = run(here, every=True)
    assert [proof.name for proof in report.proofs] == ORDER[: ORDER.index("stairway")]


@pytest.mark.parametrize("upgrade", ["pass", "op.execute('UPDATE core.note SET id = id')", ADD])
def test_revision_without_a_downgrade_function_is_not_proven_to_go_back(
    project: Project, here: Settings, upgrade: str
) -> None:
    project.revision("cccc", "bbbb", upgrade.replace("body", "text"))
    path = project.versions / "2023-01-01-cccc-vx_x_x.py"
    path.write_text(path.read_text().partition("def downgrade")[0])
    report, _ = run(here)
    (stairway,) = (proof for proof in report.proofs if proof.name == "stairway")
    assert (stairway.status, stairway.summary.partition(":")[0]) == (Status.NOT_PROVEN, "cccc cannot be taken back")
    assert statuses(report)["rows"] is Status.PASSED
    assert report.changes is not None
    assert "cccc" in {one.revision for one in report.changes.sql}


def test_revision_without_an_upgrade_function_fails_to_upgrade(project: Project, here: Settings) -> None:
    path = project.revision("cccc", "bbbb")
    path.write_text(path.read_text().replace("def upgrade", "def upgrad"))
    report, _ = run(here)
    (upgrade,) = (proof for proof in report.proofs if proof.name == "upgrade")
    assert upgrade.status is Status.FAILED
    assert f"{path.name} has no function upgrade()" in upgrade.findings[0].message


def test_revision_that_cannot_be_loaded_fails_to_upgrade(project: Project, here: Settings) -> None:
    path = project.revision("cccc", "bbbb")
    path.write_text(path.read_text().replace("import sqlmodel", "import nowhere"))
    report, _ = run(here)
    (upgrade,) = (proof for proof in report.proofs if proof.name == "upgrade")
    assert upgrade.status is Status.FAILED
    assert "No module named 'nowhere'" in upgrade.findings[0].message
    assert (upgrade.findings[0].line, upgrade.findings[0].next_command) == (4, f"mend {path.name}; then: invoke ci")


def test_several_failures_are_all_found_in_one_run(project: Project, here: Settings) -> None:
    project.init("aaaa", "0.1.0")
    project.models(MODELS.replace("Text)", "Text, nullable=False)"))
    project.revision("bbbb", "aaaa", ADD, "op.execute('SELECT 1')")
    failed = {name for name, status in statuses(run(here)[0]).items() if status is Status.FAILED}
    assert failed == {"names", "match", "stairway"}


def test_every_revision_is_climbed_when_asked(here: Settings) -> None:
    report, _ = run(here, every=True)
    (stairway,) = (proof for proof in report.proofs if proof.name == "stairway")
    assert stairway.summary.startswith("2 revisions")
