"""The shard and the group of a run.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("runs", sa.Column("shard", sa.String(32)))
    op.add_column("runs", sa.Column("group", sa.Text))
    op.create_index("runs_group", "runs", ["group"])
