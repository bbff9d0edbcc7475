"""All rules, a file a family."""

from __future__ import annotations

from lamin_migrate_kit.proof.hazards.rules import (
    compatibility,
    data_loss,
    failing,
    indexes,
    locking,
    security,
    transactions,
    types,
)

RULES = (
    *data_loss.RULES,
    *compatibility.RULES,
    *failing.RULES,
    *locking.RULES,
    *transactions.RULES,
    *indexes.RULES,
    *types.RULES,
    *security.RULES,
)
RULES_BY_ID = {rule.id: rule for rule in RULES}
