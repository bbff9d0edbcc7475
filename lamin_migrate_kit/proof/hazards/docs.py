"""The rules as a page of documentation, from the same data that the proof uses."""

from __future__ import annotations

from collections.abc import Iterator

from lamin_migrate_kit.proof.hazards.model import GIVEN, Family, Rule
from lamin_migrate_kit.proof.hazards.rules import RULES

_HEAD = f"""\
# Hazards

<!-- Made from lamin_migrate_kit/proof/hazards/rules by: python -m lamin_migrate_kit.proof.hazards.docs -->

`invoke ci` runs every unreleased revision on tables with rows, statement by statement, and asks {len(RULES)} rules
about what the server did: which locks it took, what it wrote anew and read in full, and how the catalogs differ before
and after. What was measured outranks what a text looks like: an index on a table that the same revision makes is no
hazard.

An **error** fails the proof: data is lost, or the upgrade cannot run. **Warnings** and **notes** are shown and fail
nothing. A comment on the operation waives a rule there, with a reason:

```python
# migrate-kit: allow=index-without-concurrently because the table has ten rows
op.create_index("ix_note_pages", "note", ["pages"], schema="core")
```

A decision that the revision records anyway (`# migrate-kit: drop …`, `rename …`, `using …`, `enum-map …`) counts as the
waiver of the rules that name it below.

Where [squawk](https://squawkhq.com) is installed (`pip install squawk-cli`) it is asked for a second opinion on the
same SQL. What says the same as a rule is shown with it. What says the same as a rule that does not hold was outranked
by the server, and is left out. The rest is shown as a note, and waived by `allow=squawk/<its rule>`.

The examples begin with these tables; what each shows was seen on a real server, by the test over all rules.

```sql
{GIVEN.strip()}
```
"""


def render_docs() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_family(family) for family in Family)])


def _family(family: Family) -> str:
    rules = [rule for rule in RULES if rule.family is family]
    return "\n".join([f"## {family.value.capitalize()}\n", *(_rule(rule) for rule in rules)])


def _rule(rule: Rule) -> str:
    return "\n".join(_lines(rule)) + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"### {rule.id}\n"
    yield f"{rule.condition}\n"
    yield f"- **{rule.severity.value}**{_also(rule)}"
    yield f"- effect: {rule.effect}"
    yield f"- instead: {rule.safe}"
    yield f"- the server shows: {'; '.join(map(str, rule.shows))}"
    if rule.decisions:
        yield f"- decided by: {', '.join(f'`# migrate-kit: {word} …`' for word in rule.decisions)}"
    if rule.squawk:
        yield f"- squawk: {', '.join(f'`{name}`' for name in rule.squawk)}"
    if rule.given:
        yield f"\nGiven:\n\n```sql\n{rule.given.strip()}\n```"
    yield f"\nCaught:\n\n{_block(rule.bad)}\n\nNot caught:\n\n{_block(rule.good)}"


def _also(rule: Rule) -> str:
    return f"; also: {', '.join(family.value for family in rule.also)}" if rule.also else ""


def _block(example: str) -> str:
    return f"```{'python' if 'op.' in example else 'sql'}\n{example.strip()}\n```"


if __name__ == "__main__":
    import sys

    sys.stdout.write(render_docs())
