"""What a database lacks, told from what the server says, and where an author says so. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

_SETTING = "[tool.lamin_migrate_kit]"

# What well-known extensions bring, as far as models and revisions name it: types, functions, operator classes.
_BRINGS = {
    "btree_gin": (),
    "btree_gist": (),
    "citext": ("citext",),
    "cube": ("cube",),
    "fuzzystrmatch": ("levenshtein", "soundex", "metaphone", "dmetaphone"),
    "hstore": ("hstore",),
    "intarray": ("gin__int_ops", "gist__int_ops", "gist__intbig_ops"),
    "isn": ("isbn", "isbn13", "issn", "ean13"),
    "ltree": ("ltree", "lquery", "ltxtquery"),
    "pg_trgm": ("gin_trgm_ops", "gist_trgm_ops", "similarity", "word_similarity"),
    "pgcrypto": ("digest", "hmac", "crypt", "gen_salt", "gen_random_bytes", "pgp_sym_encrypt", "pgp_sym_decrypt"),
    "postgis": ("geometry", "geography", "box2d", "box3d", "raster", "st_geomfromtext", "st_makepoint"),
    "tablefunc": ("crosstab", "normal_rand"),
    "unaccent": ("unaccent",),
    "uuid-ossp": ("uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v3", "uuid_generate_v4", "uuid_generate_v5"),
    "vector": (
        "vector",
        "halfvec",
        "sparsevec",
        "vector_l2_ops",
        "vector_ip_ops",
        "vector_cosine_ops",
        "hnsw",
        "ivfflat",
    ),
}
_NAMED = re.compile(r'(?:type|operator class|access method|function|extension) "?([\w.\-]+)"?')


def advise(sqlstate: str | None, message: str, available: Collection[str] = ()) -> str | None:
    """What to write into pyproject.toml when the server says that something is missing; None for other errors.

    Args:
        sqlstate: The server's five-character code.
        message: Its message.
        available: The extensions that the server could create.
    """
    if sqlstate == "3F000":  # invalid_schema_name
        found = re.search(r'schema "([^"]+)"', message)
        return _lines("schemas", found[1] if found else "core", "created before the revisions run")
    if sqlstate in ("0A000", "58P01") and "extension" in message:  # not available, or without its control file
        found = re.search(r'extension "([^"]+)"', message)
        return _elsewhere(found[1]) if found else None
    if sqlstate in ("42704", "42883"):  # undefined_object, undefined_function
        extension = extension_for(message, available)
        if extension is None:
            return None
        if available and extension not in available:
            return _elsewhere(extension)
        return _lines("extensions", extension, "created before models and revisions are built")
    return None


def extension_for(message: str, available: Collection[str] = ()) -> str | None:
    """The extension that brings what the server's message says is missing."""
    found = _NAMED.search(message)
    name = found[1].rpartition(".")[2].lower() if found else ""
    known = next((extension for extension, brings in _BRINGS.items() if name in brings), None)
    return known or (name if name in available else None)


def _lines(setting: str, value: str, why: str) -> str:
    return f'write into pyproject.toml:\n{_SETTING}\n{setting} = ["{value}"]   # {why}'


def _elsewhere(extension: str) -> str:
    return (
        f"use a Postgres that has {extension}; write into pyproject.toml:\n{_SETTING}\n"
        f'extensions = ["{extension}"]   # only a server that has it is taken\n'
        'image = "..."   # the container image that has it, for the provider compose\n'
        "or name a server of your own: export LAMIN_MIGRATE_SERVER_URL=..."
    )
