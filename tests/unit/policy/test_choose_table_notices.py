"""Notices that matter for an UPDATE, and for a DELETE."""

from __future__ import annotations

from bulkq.policy.choose_table_notices import fitting_notices

BEFORE, AFTER = 'trigger "a" is called BEFORE UPDATE for each row', 'trigger "b" is called AFTER DELETE for each row'
CASCADE, MOVED, PLAIN = (
    'o refers to it by "k" ON DELETE CASCADE',
    "o refers to it ON UPDATE CASCADE",
    "divided into 3 partitions",
)
EVERY = (BEFORE, AFTER, CASCADE, MOVED, PLAIN)


def test_what_acts_on_the_other_event_is_left_out() -> None:
    """A foreign key always matters for a DELETE, which it may refuse."""
    assert fitting_notices(EVERY, deletes=True) == (AFTER, CASCADE, MOVED, PLAIN)
    assert fitting_notices(EVERY, deletes=False) == (BEFORE, MOVED, PLAIN)
    moving = (AFTER, "partitioned by LIST (a) into 3 partitions")
    assert fitting_notices(moving, deletes=False) == moving
