"""File names say date, revision and version, and can be read back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from lamin_migrate_kit.revisions.naming import (
    RevisionName,
    new_revision_id,
    parse_filename,
    revision_doc,
    revision_filename,
)

CASES = [
    (None, "2023-02-16-dd2b4a9499f2-vx_x_x.py"),
    ("1.0.0", "2023-02-16-dd2b4a9499f2-v1_0_0.py"),
    ("0.33.8", "2023-02-16-dd2b4a9499f2-v0_33_8.py"),
    ("1.0", "2023-02-16-dd2b4a9499f2-v1_0.py"),
    ("2023", "2023-02-16-dd2b4a9499f2-v2023.py"),
    ("1.0.0rc1", "2023-02-16-dd2b4a9499f2-v1_0_0rc1.py"),
    ("1.0.0.post1", "2023-02-16-dd2b4a9499f2-v1_0_0_post1.py"),
    ("1.0.0a2.dev3", "2023-02-16-dd2b4a9499f2-v1_0_0a2_dev3.py"),
    ("2!1.0", "2023-02-16-dd2b4a9499f2-v2!1_0.py"),
    ("1.0+local.1", "2023-02-16-dd2b4a9499f2-v1_0+local_1.py"),
]


@pytest.mark.parametrize(("version", "filename"), CASES)
def test_a_name_is_written_and_read_back(version: str | None, filename: str) -> None:
    assert revision_filename("2023-02-16", "dd2b4a9499f2", version) == filename
    assert parse_filename(filename) == RevisionName("2023-02-16", "dd2b4a9499f2", version)


numbers = st.integers(0, 9999)
versions = st.builds(
    lambda epoch, release, pre, post, dev, local: f"{epoch}{release}{pre}{post}{dev}{local}",
    st.sampled_from(["", "1!", "20!"]),
    st.lists(numbers, min_size=1, max_size=5).map(lambda parts: ".".join(map(str, parts))),
    st.one_of(st.just(""), st.tuples(st.sampled_from(["a", "b", "rc"]), numbers).map(lambda p: f"{p[0]}{p[1]}")),
    st.one_of(st.just(""), numbers.map(lambda n: f".post{n}")),
    st.one_of(st.just(""), numbers.map(lambda n: f".dev{n}")),
    st.sampled_from(["", "+abc", "+ubuntu.1.x"]),
)


@settings(deadline=None, database=None)
@given(versions)
def test_every_version_of_pep_440_can_be_read_back(version: str) -> None:
    normal = str(Version(version))
    name = parse_filename(revision_filename("2023-02-16", "dd2b4a9499f2", normal))
    assert name is not None
    assert name.version == normal


@pytest.mark.parametrize("version", ["x_x_x", "X_X_X"])
def test_unreleased_in_small_and_capital_letters(version: str) -> None:
    assert parse_filename(f"2023-02-16-dd2b4a9499f2-v{version}.py") == RevisionName("2023-02-16", "dd2b4a9499f2", None)


@pytest.mark.parametrize(
    "filename",
    [
        "dd2b4a9499f2_rename_v.py",
        "2023-02-16-dd2b4a9499f2.py",
        "2023-2-16-dd2b4a9499f2-v1_0_0.py",
        "2023-02-16-dd2b4a9499f2-v1_0_0.pyc",
        "2023-02-16-dd2b4a9499f2-v 1.py",
        "0001_initial.py",
    ],
)
def test_other_names_are_not_of_the_convention(filename: str) -> None:
    assert parse_filename(filename) is None


def test_docstrings_begin_with_the_version() -> None:
    assert (revision_doc(None), revision_doc("1.0.0")) == ("vX.X.X.", "v1.0.0.")


def test_new_ids_are_alembics() -> None:
    ids = {new_revision_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{12}", id) for id in ids)
