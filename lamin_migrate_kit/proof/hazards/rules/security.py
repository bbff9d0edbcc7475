"""Who may see and do what, afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lamin_migrate_kit.catalog.model import Function, Policy, Table, Trigger, View
from lamin_migrate_kit.proof.hazards.model import Answers, Family, Hit, Rule
from lamin_migrate_kit.proof.hazards.rules.asking import statement_changing
from lamin_migrate_kit.proof.locks.model import RevisionTrace


def _definers(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        made = (*statement.created(Function), *(after for _, after in statement.changed(Function)))
        for function in made:
            head = function.definition.partition("\nAS ")[0]
            if "SECURITY DEFINER" in head and "SET search_path" not in head:
                yield Hit(statement, function.key, f"{function.key} runs as its owner and looks names up as its caller")


def _policies(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for policy in statement.created(Policy):
            table = trace.after.objects.get(policy.key.table)
            if isinstance(table, Table) and not table.row_security:
                yield Hit(statement, policy.key, f"policy {policy.key} is not applied: {table.key} has no row security")


def _no_policies(trace: RevisionTrace) -> Iterator[Hit]:
    guarded = {policy.key.table for policy in trace.after.of(Policy)}
    for table in trace.after.of(Table):
        before = trace.before.objects.get(table.key)
        new = table.row_security and not (isinstance(before, Table) and before.row_security)
        if new and table.key not in guarded:
            where = statement_changing(trace, table.key)
            yield Hit(where, table.key, f"{table.key} has row security and no policy: nobody but its owner sees a row")


def _open_policies(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        made = (*statement.created(Policy), *(after for _, after in statement.changed(Policy)))
        for policy in made:
            everybody = policy.roles in ((), ("public",), ("PUBLIC",))
            if policy.permissive and everybody and (policy.using or policy.check) in ("true", "(true)"):
                yield Hit(statement, policy.key, f"policy {policy.key} lets everybody through")


def _row_security_off(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for before, after in statement.changed(Table):
            now = trace.after.objects.get(after.key)
            if before.row_security and not after.row_security and isinstance(now, Table) and not now.row_security:
                yield Hit(statement, before.key, f"switches row security of {before.key} off")


def _dropped_policies(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for policy in statement.dropped(Policy):
            if policy.key not in trace.after.objects and policy.key.table in trace.after.objects:
                yield Hit(statement, policy.key, f"drops policy {policy.key}")


def _granted(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for key in statement.newly_public:
            yield Hit(statement, key, f"grants PUBLIC something on {key}")


def _privileges_lost(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for key in statement.privileges_lost:
            yield Hit(statement, key, f"makes {key} again, without the privileges that it had")


def _open_views(trace: RevisionTrace) -> Iterator[Hit]:
    guarded = [table.key for table in trace.after.of(Table) if table.row_security]
    for statement in trace.statements:
        for view in statement.created(View):
            invoker = any(re.match(r"security_invoker=(true|on|1|yes)", option) for option in view.options)
            for table in guarded if view.key.kind == "view" and not invoker else ():
                if re.search(rf"\b{re.escape(table.schema)}\"?\.\"?{re.escape(table.name)}\b", view.definition):
                    yield Hit(statement, view.key, f"view {view.key} shows rows of {table} past its row security")


def _disabled_triggers(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        said = re.search(r"\bdisable trigger\b|\bsession_replication_role\b", statement.words)
        for before, after in statement.changed(Trigger):
            now = trace.after.objects.get(after.key)
            if before.enabled != "D" and isinstance(now, Trigger) and now.enabled == "D":
                yield Hit(statement, before.key, f"switches trigger {before.key} off and leaves it so")
        if said and not any(True for _ in statement.changed(Trigger)):
            for table in statement.strongest:
                yield Hit(statement, table, f"switches triggers of {table} off: foreign keys are not checked")


# A role that every server has, given what it needs to look at a table as somebody else than its owner.
_AS_ROLE = (
    "GRANT USAGE ON SCHEMA core TO pg_monitor; GRANT SELECT ON core.{0} TO pg_monitor; SET ROLE pg_monitor;"
    " SELECT 'sees ' || count(*) FROM core.{0}"
)
_GUARDED = "ALTER TABLE core.note ENABLE ROW LEVEL SECURITY;\nCREATE POLICY own ON core.note USING (id = 1);\n"

RULES = (
    Rule(
        "security-definer-without-search-path",
        Family.SECURITY,
        "A function is SECURITY DEFINER and does not set its search_path.",
        "Its caller chooses what its names mean, and so what runs with the rights of its owner.",
        "`SET search_path = ''` (or `pg_catalog, pg_temp`), and names with their schemas.",
        "CREATE FUNCTION core.quiet(text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER"
        " AS 'BEGIN RETURN lower($1); END';\n",
        "CREATE FUNCTION core.quiet(text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''"
        " AS 'BEGIN RETURN lower($1); END';\n",
        _definers,
        (
            Answers(
                "CREATE SCHEMA evil; CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''evil''';"
                " SET search_path = evil, pg_catalog; SELECT core.quiet('A')",
                "evil",
            ),
        ),
    ),
    Rule(
        "policy-without-row-security",
        Family.SECURITY,
        "A policy is made on a table whose row security is off.",
        "It guards nothing.",
        "`ALTER TABLE … ENABLE ROW LEVEL SECURITY` in the same revision.",
        "CREATE POLICY own ON core.note USING (id = 1);\n",
        "ALTER TABLE core.note ENABLE ROW LEVEL SECURITY;\nCREATE POLICY own ON core.note USING (id = 1);\n",
        _policies,
        (Answers(_AS_ROLE.format("note"), "sees 3"),),
    ),
    Rule(
        "row-security-without-policy",
        Family.SECURITY,
        "Row security is switched on for a table without policies.",
        "Everybody but the owner sees no row and can write none.",
        "Make the policies in the same revision.",
        "ALTER TABLE core.note ENABLE ROW LEVEL SECURITY;\n",
        "ALTER TABLE core.note ENABLE ROW LEVEL SECURITY;\nCREATE POLICY own ON core.note USING (id = 1);\n",
        _no_policies,
        (Answers(_AS_ROLE.format("note"), "sees 0"),),
    ),
    Rule(
        "policy-for-everybody",
        Family.SECURITY,
        "A permissive policy for PUBLIC says `true`.",
        "Every role sees and writes every row, whatever the other permissive policies say.",
        "Name the roles, or a condition.",
        "CREATE POLICY every ON core.note USING (true);\n",
        "CREATE POLICY every ON core.note USING (id = 2);\n",
        _open_policies,
        (Answers(_AS_ROLE.format("note"), "sees 3"),),
        given=_GUARDED,
    ),
    Rule(
        "row-security-off",
        Family.SECURITY,
        "Row security is switched off for a table.",
        "Its policies stay and guard nothing: everybody who may read the table sees every row.",
        "Change the policies.",
        "ALTER TABLE core.note DISABLE ROW LEVEL SECURITY;\n",
        "ALTER POLICY own ON core.note USING (id = 2);\n",
        _row_security_off,
        (Answers(_AS_ROLE.format("note"), "sees 3"),),
        given=_GUARDED,
    ),
    Rule(
        "drop-policy",
        Family.SECURITY,
        "A policy is dropped.",
        "A permissive one: roles that it let through see nothing. A restrictive one: they see what it held back.",
        "Change it in place, or record the decision: `# migrate-kit: drop <table>.<policy> because …`.",
        "DROP POLICY own ON core.note;\n",
        "ALTER POLICY own ON core.note USING (id < 2);\n",
        _dropped_policies,
        (Answers(_AS_ROLE.format("note"), "sees 0"),),
        given=_GUARDED,
        decisions=("drop",),
    ),
    Rule(
        "grant-to-public",
        Family.SECURITY,
        "PUBLIC is granted something.",
        "Every role of the server has it, those to come included.",
        "Grant it to a role.",
        "GRANT SELECT ON core.note TO PUBLIC;\n",
        "GRANT SELECT ON core.note TO pg_read_all_stats;\n",
        _granted,
        (
            Answers(
                "GRANT USAGE ON SCHEMA core TO pg_checkpoint; SET ROLE pg_checkpoint;"
                " SELECT 'sees ' || count(*) FROM core.note",
                "sees 3",
            ),
        ),
    ),
    Rule(
        "privileges-lost",
        Family.SECURITY,
        "Something is dropped and made again that roles had privileges on.",
        "They are gone: code that runs as another role than the owner fails.",
        "Replace it in place (CREATE OR REPLACE), or grant again.",
        "DROP VIEW core.titles;\nCREATE VIEW core.titles AS SELECT title FROM core.note;\n",
        "CREATE OR REPLACE VIEW core.titles AS SELECT title FROM core.note;\n",
        _privileges_lost,
        (
            Answers(
                "SELECT CASE WHEN has_table_privilege('pg_monitor', 'core.titles', 'SELECT') THEN 'may' ELSE 'no' END",
                "no",
            ),
        ),
        given="CREATE VIEW core.titles AS SELECT title FROM core.note;\nGRANT SELECT ON core.titles TO pg_monitor;\n",
    ),
    Rule(
        "view-past-row-security",
        Family.SECURITY,
        "A view without `security_invoker` reads a table that has row security.",
        "It reads as its owner: whoever may read the view sees every row.",
        "`WITH (security_invoker = true)`.",
        "CREATE VIEW core.titles AS SELECT title FROM core.note;\n",
        "CREATE VIEW core.titles WITH (security_invoker = true) AS SELECT title FROM core.note;\n",
        _open_views,
        (Answers("GRANT SELECT ON core.note TO pg_monitor; " + _AS_ROLE.format("titles"), "sees 3"),),
        given=_GUARDED,
    ),
    Rule(
        "triggers-off",
        Family.SECURITY,
        "Triggers of a table are switched off, and left so.",
        "What they watch over is not watched: of all of them, foreign keys too.",
        "Switch them on again in the same revision, or do without.",
        "ALTER TABLE core.note DISABLE TRIGGER clean;\n",
        "ALTER TABLE core.note DISABLE TRIGGER clean;\nALTER TABLE core.note ENABLE TRIGGER clean;\n",
        _disabled_triggers,
        (Answers("SELECT 'enabled: ' || tgenabled::text FROM pg_trigger WHERE tgname = 'clean'", "enabled: D"),),
        given="CREATE FUNCTION core.clean() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n"
        "CREATE TRIGGER clean BEFORE INSERT ON core.note FOR EACH ROW EXECUTE FUNCTION core.clean();\n",
        squawk=("ban-disable-trigger",),
    ),
)
