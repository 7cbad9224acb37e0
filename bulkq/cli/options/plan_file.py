"""The options of a backfill in a plan: what `bulkq plan backfill -o` writes, and `bulkq backfill --plan` reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bulkq.cli.options.config_defaults import said
from bulkq.cli.options.option import typed
from bulkq.errors import UsageError
from bulkq.lifecycle.backfill.plan_file import from_json
from bulkq.policy.mask_values import hidden_names
from bulkq.text.urls import leave_out_password

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.lifecycle.backfill.plan_file import PlannedBackfill
    from bulkq.model import Query

UNPLANNED = frozenset({"confirm", "debug", "log_format", "output", "plan", "progress", "rehearse", "report"})
"""Options that say nothing about the backfill: no plan has them."""

FREE = UNPLANNED | {"config", "failures", "ledger", "name", "tag", "target"}
"""Options that may be given beside `--plan`. Another database under the name of a target is found by its identity."""

PASSWORDS = frozenset({"target", "ledger"})
"""Options whose passwords no plan has."""


def planned_options(ctx: click.Context, query: Query) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the options that were given for a plan, as texts, and the names of parameters whose values are left out.

    Options of the environment and of a configuration are there too, so that the plan does not depend on them.
    """
    raw, _, _ = ctx.command.make_parser(ctx).parse_args(list(ctx.obj[2:]))
    found: dict[str, Any] = {}
    for param in ctx.command.params:
        name = param.name or ""
        if name in UNPLANNED or not said(ctx, name):
            continue
        value = _raw(param, ctx, raw)
        found[name] = _without_passwords(value) if name in PASSWORDS else value
    hidden = hidden_names(query)
    pairs = [one.partition("=") for one in found.get("param", ())]
    secret = tuple(name for name, _, _ in pairs if name.casefold() in hidden)
    if secret:
        found["param"] = [f"{name}={value}" for name, _, value in pairs if name not in secret]
    return found, secret


def _raw(param: click.Parameter, ctx: click.Context, raw: Mapping[str, Any]) -> Any:
    """Return the text, the texts or the flag that was given for a parameter."""
    name = param.name or ""
    source = ctx.get_parameter_source(name)
    if source is ParameterSource.ENVIRONMENT:
        value = param.value_from_envvar(ctx)
    elif source is ParameterSource.DEFAULT_MAP:
        value = ctx.lookup_default(name)
    else:
        value = raw[name]
    if isinstance(param, click.Option) and param.is_flag:
        return bool(ctx.params[name])
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value)


def _without_passwords(value: Any) -> Any:
    return [leave_out_password(one) for one in value] if isinstance(value, list) else leave_out_password(value)


def read_plan(path: str) -> PlannedBackfill:
    """Return the plan of a file.

    Raises:
        UsageError: the file cannot be read, or is not a plan.
        RefusedError: it was made by a bulkq that writes other plans.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"--plan {path}: {why.lower()}: name a file of bulkq plan backfill -o") from error
    return from_json(text, path)


def planned_context(ctx: click.Context, plan: PlannedBackfill, path: str) -> click.Context:
    """Return the context of the command line that was planned, with those options of `ctx` that a plan leaves open.

    Raises:
        UsageError: an option contradicts the plan, or the plan has an option that is not known.
    """
    raw, _, _ = ctx.command.make_parser(ctx).parse_args(list(ctx.obj[1:]))
    known = {param.name or "": param for param in ctx.command.params}
    unknown = next((name for name in plan.options if name not in known or name in UNPLANNED), None)
    if unknown is not None:
        raise UsageError(f'{path} has an option "{unknown}", which is not one of a plan: plan again')
    own = {name: _raw(param, ctx, raw) for name, param in known.items() if name in FREE - {"plan"} and said(ctx, name)}
    secret = [one for one in raw.get("param") or () if one.partition("=")[0] in plan.secret]
    options = {**plan.options, **own}
    if secret:
        options["param"] = [*options.get("param", ()), *secret]
    made = ctx.command.make_context(ctx.info_name, _arguments(known, options), parent=ctx.parent)
    for name, param in known.items():
        if typed(ctx, name) and name not in FREE:
            _refuse_other(param, ctx.params[name], made.params[name], path)
    return made


def _refuse_other(param: click.Parameter, given: object, planned: object, path: str) -> None:
    """Raise UsageError if an option has another value than in the plan; values of `--param` may be repeated one by one."""
    if given == planned:
        return
    if param.name == "param" and isinstance(given, tuple) and isinstance(planned, tuple) and set(given) <= set(planned):
        return
    name = max(param.opts, key=len) if isinstance(param, click.Option) else str(given)
    raise UsageError(f"{name} contradicts the plan {path}: leave it out, or plan again")


def _arguments(known: Mapping[str, click.Parameter], options: Mapping[str, Any]) -> list[str]:
    """Return the command line of `options`."""
    made: list[str] = []
    last: list[str] = []
    for name, value in options.items():
        param = known[name]
        if not isinstance(param, click.Option):
            last = ["--", str(value)]
            continue
        long = max(param.opts, key=len)
        if param.is_flag:
            made += [long] if value is True else []
            continue
        made += [f"{long}={one}" for one in (value if isinstance(value, list) else [value])]
    return [*made, *last]
