"""Which targets `-t` means."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.targets import Config, renew_target, resolve_targets, with_replicas
from bulkq.targets.selection import list_members

TARGETS = {
    name: Target(url=f"sqlite:////{name}.db", name=name, tags=tags)
    for name, tags in {
        "prod-eu": ("eu",),
        "prod-us": ("us",),
        "staging": ("eu", "replica"),
    }.items()
}
CONFIG = Config(
    targets=TARGETS,
    groups={
        "prod": ("prod-us", "prod-*"),
        "all": ("staging", "prod", "tag:eu"),
        "round": ("trip",),
        "trip": ("round",),
    },
)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (["staging"], ["staging"]),
        (["prod-*"], ["prod-eu", "prod-us"]),
        (["prod-[u]?"], ["prod-us"]),
        (["prod"], ["prod-us", "prod-eu"]),
        (["all"], ["staging", "prod-us", "prod-eu"]),
        (["tag:eu"], ["prod-eu", "staging"]),
        (["staging", "*", "staging"], ["staging", "prod-eu", "prod-us"]),
        (["*", "all"], ["prod-eu", "prod-us", "staging"]),
    ],
)
def test_names_globs_groups_and_tags(wanted: list[str], names: list[str]) -> None:
    """Each target once, where it is first named; a group's order is the group's, a glob's that of the file."""
    assert [target.name for target in resolve_targets(wanted, CONFIG)] == names


def test_urls_stand_for_themselves() -> None:
    """A URL needs no configuration; the same one twice is one target."""
    url = "postgresql://u:pw@h/d"
    assert resolve_targets([url, url, "sqlite:///a.db"], Config()) == (Target(url=url), Target(url="sqlite:///a.db"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prod_eu", 'unknown target "prod_eu" (did you mean prod-eu or prod or prod-us?)'),
        ("zzz", 'unknown target "zzz" (there are: prod-eu, prod-us, staging, prod, all, round, trip)'),
        ("h/d", 'unknown target "h/d": a URL is written like postgresql://user@host/database'),
        ("prod.db", 'unknown target "prod.db": write sqlite:///prod.db'),
        ("a/b.duckdb", 'unknown target "a/b.duckdb": write duckdb:///a/b.duckdb'),
        ("x*", 'no target matches "x*" (there are: prod-eu, prod-us, staging)'),
        ("tag:e", 'no target has the tag "e"'),
        ("tag:zzz", "(there are: eu, replica, us)"),
        ("round", 'group "round" contains itself: round -> trip -> round'),
        ("u:s3cr3t@h/d", 'target "***@h/d" is not a URL'),
    ],
)
def test_what_names_nothing(text: str, words: str) -> None:
    """The nearest names, or what there is; a password is not repeated."""
    with pytest.raises(UsageError) as caught:
        resolve_targets([text], CONFIG)
    assert words in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_what_names_nothing_comes_together() -> None:
    """A line for each."""
    with pytest.raises(UsageError) as caught:
        resolve_targets(["no", "staging", "x*"], CONFIG)
    assert len(str(caught.value).splitlines()) == 2


def test_without_names_a_url_is_wanted() -> None:
    """Where nothing is configured, the example is a URL."""
    with pytest.raises(UsageError, match=r'target "app\.db" is not a URL: write -t sqlite:///app\.db'):
        resolve_targets(["app.db"], Config())
    with pytest.raises(UsageError, match=r'matches "\*" \(there are no targets\)'):
        resolve_targets(["*"], Config())


def test_many_names_are_not_all_listed() -> None:
    """Twenty, and how many more."""
    many = Config(targets={f"db{n}": Target(url="sqlite:////a.db", name=f"db{n}") for n in range(50)})
    with pytest.raises(UsageError, match=r"db19 and 30 more\)$"):
        resolve_targets(["x*"], many)
    assert list_members("all", Config(targets=TARGETS, groups={"all": ("*",)})) == tuple(TARGETS)


def test_a_url_of_a_target_with_throttles_has_them_too() -> None:
    """An address instead of a name does not get past them."""
    held = Config(targets={"prod": Target(url="sqlite:////p.db", name="prod", throttle=("lag<2s",))})
    (found,) = resolve_targets(["sqlite:////p.db"], held)
    assert (found.throttle, found.throttled_as, found.guard) == (("lag<2s",), "prod", "")
    assert resolve_targets(["sqlite:////q.db"], held)[0].throttle == ()


def test_the_replicas_that_throttles_name() -> None:
    """A name that is known no more stays what it was; others are application names."""
    asked = make_run(
        targets=(Target(url="sqlite:////p.db", throttle=("lag(prod-us)<2s",)),),
        throttle=("lag(x)<2s",),
        critical=("lag(staging)<9s",),
    )
    found = with_replicas(asked, CONFIG)
    assert [target.name for target in found.targets.replicas] == ["prod-us", "staging"]
    assert with_replicas(found, Config()) == found
    assert with_replicas(make_run(), CONFIG) == make_run()


def test_an_earlier_runs_target_is_what_its_name_says_now() -> None:
    """Hosts move; what has no name, or is no longer named, is as it was."""
    old = Target(url="sqlite:////old.db", name="staging", schema="tenant_1")
    assert renew_target(old, CONFIG) == Target(
        url="sqlite:////staging.db", name="staging", tags=("eu", "replica"), schema="tenant_1"
    )
    assert renew_target(old, Config()) == old
    assert renew_target(Target(url="sqlite:////x.db"), CONFIG) == Target(url="sqlite:////x.db")
