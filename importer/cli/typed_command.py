"""A command as the user typed it, to propose the same one again, or a similar one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import click


@dataclass(frozen=True)
class TypedCommand:
    """A command with its argument, and its flags with their values in the order in which they were typed."""

    name: str = ""
    argument: str = ""
    flags: tuple[tuple[str, str | None], ...] = ()

    def has(self, flag: str) -> bool:
        """Return whether a flag was typed."""
        return any(name == flag for name, _ in self.flags)

    def value(self, flag: str) -> str | None:
        """Return the value of a flag; the last one of several."""
        return next((value for name, value in reversed(self.flags) if name == flag), None)

    def without(self, flags: Sequence[str]) -> TypedCommand:
        """Return the command without some flags."""
        return replace(self, flags=tuple(each for each in self.flags if each[0] not in flags))

    def words(self, *more: str) -> tuple[str, ...]:
        """Return the command's words and ``more``, whose flags replace those that were typed."""
        kept = self.without(more).flags
        return (
            self.name,
            as_argument(self.argument),
            *(word for flag in kept for word in flag if word is not None),
            *more,
        )


def as_argument(path: str) -> str:
    """Return a path so that the command line does not take it for a flag: ``./-tickets.csv``."""
    return f"./{path}" if path.startswith("-") else path


def typed_command(command: click.Command, context: click.Context, arguments: Sequence[str]) -> TypedCommand:
    """Return a command as it was typed. Raises click.UsageError for arguments that can't be parsed."""
    values, _, order = command.make_parser(context).parse_args(list(arguments))
    argument, flags, seen = "", [], Counter[str]()
    for parameter in order:
        name = parameter.name or ""
        value = values[name]
        if isinstance(parameter, click.Argument):
            argument = value or argument
        elif isinstance(parameter, click.Option) and not parameter.is_flag:
            flags.append((parameter.opts[0], value[seen[name]] if parameter.multiple else value))
            seen[name] += 1
        else:
            flags.append((parameter.opts[0] if value else parameter.secondary_opts[0], None))
    return TypedCommand(command.name or "", argument, tuple(flags))
