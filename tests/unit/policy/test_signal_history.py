"""Rates, the time that a replica is behind, and the latency of commits."""

from __future__ import annotations

import pytest

from bulkq.policy.signal_history import KEPT_S, MOST_COMMITS, CommitTimes, PositionHistory


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """Old writes do not count; with seldom looks the last two count."""
    history = PositionHistory()
    assert history.rate(0.0) is None
    history.record(0.0, 1_000_000.0)
    assert history.rate(0.0) is None
    for second in range(1, 8):
        history.record(float(second), 1_000_000.0 + 100 * second)
    assert history.rate(7.0) == pytest.approx(100.0)
    history.record(30.0, 1_000_700.0 + 2300)
    assert history.rate(30.0) == pytest.approx(100.0)


def test_the_time_behind_is_when_the_position_was_written() -> None:
    """A replica is behind since the moment at which the log passed its position."""
    history = PositionHistory()
    assert history.behind_s(10.0, 0.0) == 0.0
    for second in range(11):
        history.record(float(second), 100.0 * second)
    assert history.behind_s(1000.0, 10.0) == 0.0
    assert history.behind_s(950.0, 10.0) == pytest.approx(0.5)
    assert history.behind_s(300.0, 10.0) == pytest.approx(7.0)
    assert history.behind_s(-50.0, 10.0) == pytest.approx(10.0), "it was behind before the first look"


def test_an_idle_server_makes_no_replica_late() -> None:
    """Nothing is written, so nothing is missing, for however long."""
    history = PositionHistory()
    for second in range(100):
        history.record(float(second), 500.0)
    assert history.behind_s(500.0, 99.0) == 0.0
    history.record(100.0, 600.0)
    assert history.behind_s(500.0, 100.0) == 0.0, "it may have been written a moment ago"
    assert history.behind_s(550.0, 100.0) == pytest.approx(0.5)
    history.record(101.0, 600.0)
    assert history.behind_s(500.0, 101.0) == pytest.approx(2.0), "since the last look at which nothing was missing"


def test_positions_that_a_server_has_lost_are_forgotten() -> None:
    """After a crash or a failover the log goes on at an earlier position, and its replicas are not late."""
    history = PositionHistory()
    for second in range(10):
        history.record(float(second), 100.0 * second)
    history.record(20.0, 450.0)
    assert history.behind_s(450.0, 21.0) == 0.0
    assert history.rate(20.0) == pytest.approx(50.0 / 16.0)


def test_old_positions_are_thinned_out_and_dropped() -> None:
    """A day needs no more memory than an hour."""
    history = PositionHistory()
    for second in range(int(1.5 * KEPT_S)):
        history.record(float(second), 10.0 * second)
    now_s = 1.5 * KEPT_S - 1
    assert history.behind_s(10.0 * (now_s - 1800), now_s) == pytest.approx(1800.0)
    assert history.behind_s(0.0, now_s) == pytest.approx(KEPT_S, abs=20)
    assert len(history._seen) < 500


def test_seldom_looks_are_kept() -> None:
    """Old positions that are far apart stay."""
    history = PositionHistory()
    for second in range(0, 200, 20):
        history.record(float(second), 10.0 * second)
    assert len(history._seen) == 10


def test_the_latency_of_commits_is_that_of_the_last_ten_seconds() -> None:
    """Nine of ten commits were faster; without commits nothing is known."""
    commits = CommitTimes()
    assert commits.p90(0.0) is None
    for number in range(1, 11):
        commits.record(float(number), number / 100)
    assert commits.p90(10.0) == pytest.approx(0.09)
    assert commits.p90(19.5) == pytest.approx(0.10)
    assert commits.p90(20.5) is None
    assert commits.quiet_s(20.5) == 0.0
    commits.record(21.0, 0.5)
    assert (commits.p90(22.5), commits.quiet_s(22.5)) == (0.5, 1.5)
    commits.forget()
    assert commits.p90(22.5) is None
    for number in range(MOST_COMMITS + 10):
        commits.record(30.0, number)
    assert commits.p90(30.0) is not None
