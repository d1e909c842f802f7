"""Fields of the option dataclasses: type, choices and default of each key of a command line."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

PROCESSORS = "number of processors"
_TYPES = {str: "text", int: "whole number", float: "number"}


@dataclass(frozen=True)
class OptionField:
    """One field of an option dataclass.

    Args:
        kind: type of a single value; `str` for a choice.
        metavar: name of a value that needs no key, from `Annotated[type, metavar]`.
        default: text of the default; empty if the option is not set.
        is_tuple: whether the field takes any number of values.
    """

    name: str
    kind: type[Any]
    choices: tuple[str, ...]
    metavar: str
    default: str
    is_tuple: bool

    @property
    def values(self) -> tuple[str, ...]:
        """The choices, or the type in plain words."""
        return self.choices or (_TYPES[self.kind],)


def read_fields(options_type: type[Any]) -> Mapping[str, OptionField]:
    """Return the fields of a dataclass by name, in their order."""
    hints = get_type_hints(options_type, include_extras=True)
    return {
        field.name: _read_field(field, hints[field.name])
        for field in dataclasses.fields(options_type)
    }


def _read_field(field: "dataclasses.Field[Any]", hint: Any) -> OptionField:
    metavar, is_tuple = "", False
    if get_origin(hint) is Annotated:
        hint, metavar = get_args(hint)
    if get_origin(hint) is tuple:
        hint, is_tuple = get_args(hint)[0], True
    # of `float | None` and `Literal[...] | None`, the first
    if type(None) in get_args(hint):
        hint = get_args(hint)[0]
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    return OptionField(
        field.name, str if choices else hint, choices, metavar, _show_default(field), is_tuple
    )


def _show_default(field: "dataclasses.Field[Any]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return PROCESSORS
    is_unset = field.default is dataclasses.MISSING or field.default in ("", None, ())
    return "" if is_unset else str(field.default)
