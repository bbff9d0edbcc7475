"""The words that names are compared with: data, no rules."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIGHT_WORDS = _words(
    "a an and at by can date datetime do does dt for from has have id ids in is needs of on or should the time"
    " timestamp to ts use uses was were with"
)
"""Words that carry little of a column's meaning: articles, prepositions, auxiliary verbs, `id`, words for a time."""

ENDINGS = _words(
    "al ation d den e ed en er es ied ies ing ion ions isation ity ization ly ment ments n or r s sion ssion t ted"
    " tted tting ue y"
) | {""}
"""What may follow the common start of two forms of one word."""

SYNONYMS = tuple(
    _words(group)
    for group in (
        "number num no nr count total",
        "amount quantity qty",
        "delete deleted remove removed trash trashed",
        "name label title",
        "type kind",
        "description summary",
        "notes note comment comments remark remarks",
        "url uri link href",
        "mail email",
        "picture photo image",
        "enabled active",
        "creator author",
        "start begin from",
        "end stop finish until",
        "hash checksum digest",
        "value data content",
        "at time date dt datetime on timestamp ts",
        "update updated modify modified change changed",
        "is has was",
        "order rank position sort",
        "folder directory dir",
    )
)
"""Words that are commonly used for one thing; weak evidence, because they are also used for two."""

OPPOSITES = frozenset(
    _words(pair)
    for pair in (
        "start end",
        "started ended",
        "starts ends",
        "begin end",
        "first last",
        "min max",
        "minimum maximum",
        "lower upper",
        "low high",
        "in out",
        "input output",
        "from to",
        "source target",
        "src dst",
        "source destination",
        "before after",
        "old new",
        "previous next",
        "prev next",
        "parent child",
        "left right",
        "created updated",
        "created modified",
        "created deleted",
        "updated deleted",
        "opened closed",
        "open closed",
        "sent received",
        "read write",
        "public private",
        "enabled disabled",
        "active inactive",
        "active archived",
        "active deleted",
        "allowed denied",
        "accepted rejected",
        "confirmed cancelled",
        "success failure",
        "width height",
        "latitude longitude",
        "lat lon",
        "lat lng",
        "x y",
        "row column",
        "key value",
        "username password",
        "email phone",
        "internal external",
        "local remote",
        "test live",
        "sandbox live",
        "sandbox production",
        "debit credit",
        "buyer seller",
        "sender recipient",
        "firstname lastname",
    )
)
"""Pairs of words that name two different things of one kind: a rename from one to the other is unlikely."""

NEGATIONS = _words("not no non un dis disabled never without")
"""Words that turn a name's meaning around, when only one of two names has one."""

REPRESENTATIONS = _words(
    "base64 cipher ciphertext compressed decoded decrypted encoded encrypted encryption gzip hashed hash hex hmac html"
    " json markdown md5 pickle pickled salted secure secured serialized sha1 sha256 signed xml yaml"
)
"""Words that say how values are written down: one that comes or goes means that the values change."""
