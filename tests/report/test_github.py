"""A report as GitHub shows it: Markdown, and annotations beside the lines."""

from __future__ import annotations

import dataclasses

from lamin_migrate_kit.report.github import annotation_lines
from lamin_migrate_kit.report.markdown import to_markdown
from lamin_migrate_kit.report.model import Environment, Finding, Proof, Report, Status

ON = Environment("0.1.0", "3.13.5", "2.1.9", "1.20.1", "compose Postgres 18.6", "compose", True)


def report(*findings: Finding, status: Status = Status.FAILED, missing: tuple[str, ...] = ()) -> Report:
    return Report("ci", "lnschema_core", ON, (Proof("match", "models | match", status, 1.5, "7", findings),), missing)


def test_markdown_begins_with_the_verdict_and_shows_every_proof() -> None:
    text = to_markdown(report(Finding("It differs.", file="a.py", line=3), missing=("op.drop_table('x')",)))
    assert text.splitlines()[0] == "### `invoke ci`, lnschema_core: 1 of 1 proofs failed"
    assert "| ❌ FAILED | models \\| match | 7 | 1.50 |" in text
    assert "It differs. `a.py:3`" in text
    assert "```python\nop.drop_table('x')\n```" in text


def test_markdown_says_all_that_it_ran_on() -> None:
    on = dataclasses.replace(ON, platform="Debian 13", image="sha256:abc", settings=(("fsync", "off"), ("jit", "on")))
    text = to_markdown(dataclasses.replace(report(), environment=on))
    folded = "platform: Debian 13\nalembic: 1.20.1\nprovider: compose\nimage: sha256:abc\nfsync: off\njit: on"
    assert f"<details><summary>what it ran on</summary>\n\n```\n{folded}\n```\n\n</details>\n" in text


def test_markdown_never_shows_a_password_and_never_grows_without_end() -> None:
    text = to_markdown(report(Finding("at postgresql://anna:secret@host/x", details="line\n" * 50_000)))
    assert "secret" not in text
    assert len(text) < 65_000
    assert text.endswith("(cut: it is too long)\n")


def test_code_that_holds_a_fence_is_fenced_by_a_longer_one() -> None:
    assert "````\n```\nx\n```\n````" in to_markdown(report(Finding("f", details="```\nx\n```")))


def test_annotations_are_escaped_and_what_failed_comes_first() -> None:
    lines = annotation_lines(report(Finding("100 %\nlost", file="a,b:c.py", line=3)))
    assert lines == ("::error file=a%2Cb%3Ac.py,line=3,title=models | match::100 %25%0Alost",)
    assert annotation_lines(report(Finding("f"), status=Status.NOT_PROVEN))[0].startswith("::warning title=")


def test_paths_of_annotations_begin_at_the_repository() -> None:
    found = report(Finding("lost", file="pkg/models.py", line=3), Finding("gone", file="/elsewhere/x.py"))
    inside, outside = annotation_lines(found, "examples/one")
    assert inside.startswith("::error file=examples/one/pkg/models.py,line=3,")
    assert outside.startswith("::error file=/elsewhere/x.py,")


def test_there_are_at_most_ten_annotations() -> None:
    assert len(annotation_lines(report(*[Finding("f")] * 30))) == 10
