"""A consumer group, as its coordinator keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stream_scorer.errors import TransactionAborted
from stream_scorer.records import TopicPartition


class Member(Protocol):
    """What a group knows of a consumer in it."""

    #: Since when there is no heartbeat of it; ``None`` while there is.
    silent_since: float | None

    @property
    def member_id(self) -> str:
        """What the brokers call it, until it is expelled."""

    @property
    def generation(self) -> int:
        """The generation that it has joined."""

    @property
    def held(self) -> frozenset[TopicPartition]:
        """The partitions that are this member's until it gives them back."""


@dataclass
class Group:
    """A consumer group: members in the order of joining, and the generation that fences them."""

    generation: int = 0
    members: list[Member] = field(default_factory=list)
    committed: dict[TopicPartition, int] = field(default_factory=dict)

    def changed(self) -> None:
        """Start another generation; members learn of it when they poll."""
        self.generation += 1

    def expel_silent(self, before: float) -> None:
        """Let go of members without a heartbeat since then."""
        for each in list(self.members):
            if each.silent_since is not None and each.silent_since <= before:
                self.members.remove(each)
                self.changed()

    def target(self, member: Member, partitions: Sequence[TopicPartition]) -> set[TopicPartition]:
        """Return what the member ought to hold: every n-th partition."""
        place = self.members.index(member)
        return set(partitions[place :: len(self.members)])

    def is_free(self, partition: TopicPartition, member: Member) -> bool:
        """Tell whether nobody else holds the partition."""
        return all(partition not in each.held for each in self.members if each is not member)

    def fence(self, member_id: str, generation: int) -> None:
        """Refuse a membership that is not current; whose partitions, nobody asks."""
        known = {each.member_id: each.generation for each in self.members}
        if member_id not in known:
            raise TransactionAborted("UNKNOWN_MEMBER_ID")
        if known[member_id] != generation:
            raise TransactionAborted("ILLEGAL_GENERATION")
