"""Default values in the help of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tyro.constructors import ConstructorRegistry


def make_registry() -> ConstructorRegistry:
    """Return rules by which the default of an empty string is shown as None, not as quotes."""
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec

    def make_str(info: Any) -> PrimitiveConstructorSpec[str] | None:
        if info.type is not str:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="STR",
            instance_from_str=lambda words: words[0],
            is_instance=lambda value: isinstance(value, str),
            str_from_instance=lambda value: [value or "None"],
        )

    # its types are incomplete
    registry: Any = ConstructorRegistry()
    registry.primitive_rule(make_str)
    return registry
