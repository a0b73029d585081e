"""Which faults happen: for every rule each kind, at a moment that a seed draws."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from workflow_inputs import REPOSITORY

SEED = 9
# Kinds, with the variants of which each rule meets all (a tuple) or one that is drawn (a list).
KINDS: dict[str, tuple[str, ...] | list[str]] = {
    "kill": ("at a touch", "at a time"),
    "terminate": ["at a touch", "at a time"],
    "out_of_memory": ["at a touch", "at a time"],
    "disk_full": ("results",),
    "read_only": ["results", "outputs"],
    "clock_jump": ["back", "forward", "inputs ahead"],
    "two_at_once": ["locked", "unlocked"],
    "snakemake_ends": ["killed", "all killed", "interrupted", "terminated"],
}
# These keep much in the folder for temporary files.
SPILLING = ("audit_leakage", "cluster_homology", "package_model", "read_external")
# Of the whole pipeline, at a share of its jobs.
WHOLE = ("all killed", "killed", "interrupted", "terminated", "all killed", "interrupted")


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        rule: Of whose jobs one meets it; `all` is the whole pipeline.
        kind: One of `KINDS`.
        variant: How, or when.
        seed: Of its moment, and of the job that it hits.
    """

    rule: str
    kind: str
    variant: str
    seed: str

    @property
    def name(self) -> str:
        """Short, without spaces."""
        return "-".join((self.rule, self.kind, self.variant)).replace(" ", "_")

    def draw(self, what: str) -> float:
        """A number from 0 to below 1, the same each time."""
        return random.Random(f"{self.seed} {what}").random()


def rules() -> list[str]:
    """Names of all rules of the workflow, but for the one that asks for all results."""
    texts = (path.read_text() for path in sorted((REPOSITORY / "workflow/rules").glob("*.smk")))
    pattern = r"^(?:rule (\w+):|use rule \w+ as (\w+) with:)"
    found = (match for text in texts for match in re.findall(pattern, text, re.MULTILINE))
    return sorted(own or reused for own, reused in found)


def variants(rule: str) -> Iterator[tuple[str, str]]:
    """The kinds and variants that one rule meets."""
    for kind, names in KINDS.items():
        chosen = names
        if isinstance(names, list):
            chosen = (random.Random(f"{SEED} {rule} {kind}").choice(names),)
        yield from ((kind, name) for name in chosen)
    if rule in SPILLING:
        yield "disk_full", "temporary files"


def plan() -> list[Fault]:
    """All faults; no two are alike."""
    faults = [
        Fault(rule, kind, variant, f"{SEED} {rule} {kind} {variant}")
        for rule in rules()
        for kind, variant in variants(rule)
    ]
    faults += [
        Fault("all", "snakemake_ends", f"{variant} {number}", f"{SEED} all {variant} {number}")
        for number, variant in enumerate(WHOLE)
    ]
    return faults


def sample(faults: list[Fault], size: int, seed: str) -> list[Fault]:
    """Draw some, of as many kinds as there are, then in turn."""
    chance = random.Random(seed)
    by_kind: dict[str, list[Fault]] = {}
    for fault in chance.sample(faults, len(faults)):
        if fault.rule != "all":  # these take minutes
            by_kind.setdefault(fault.kind, []).append(fault)
    kinds = [by_kind[name] for name in sorted(by_kind)]
    chosen = [kinds[number % len(kinds)].pop() for number in range(min(size, len(faults)))]
    return sorted(chosen, key=lambda fault: fault.name)
