"""What may stay NOT PROVEN in a release: by the proof's name, with a reason, in `[tool.lamin_migrate_kit.waive]`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from lamin_migrate_kit.errors import SettingsError
from lamin_migrate_kit.report.model import Proof, Status

_TABLE = "[tool.lamin_migrate_kit.waive]"


def check_waivers(waive: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse the name of a proof that does not exist: it would waive nothing, and look as if it did.

    Raises:
        SettingsError: A name is none of `known`.
    """
    unknown = sorted(waive.keys() - set(known))
    if unknown:
        raise SettingsError(
            f"{_TABLE} waives {', '.join(unknown)}, and there is no such proof; there are: {', '.join(known)}.",
            where="pyproject.toml",
            next_command=f"name one of these, or take the line out of {_TABLE}",
        )


def waived(proof: Proof, waive: Mapping[str, str]) -> Proof:
    """The proof with its waiver. Only NOT PROVEN can be waived: what FAILED was looked at, and is wrong."""
    return replace(proof, waived=waive.get(proof.name)) if proof.status is Status.NOT_PROVEN else proof


def idle_waivers(proofs: Iterable[Proof], waive: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences about waivers that nothing needs any more."""
    return tuple(
        f"The waiver of {proof.name} in pyproject.toml is not needed: it is proven."
        for proof in proofs
        if proof.name in waive and proof.status is Status.PASSED
    )
