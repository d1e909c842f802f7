"""Default values in the help of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tyro.constructors import ConstructorRegistry


def make_registry() -> ConstructorRegistry:
    """Return rules by which the default of an empty string is shown as None, not as quotes."""
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

    registry = ConstructorRegistry()

    @registry.primitive_rule
    def make_str(  # pyright: ignore[reportUnusedFunction]  # the registry calls it
        info: PrimitiveTypeInfo,
    ) -> PrimitiveConstructorSpec[str] | None:
        if info.type is not str:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="STR",
            instance_from_str=lambda words: words[0],
            is_instance=lambda value: isinstance(value, str),
            str_from_instance=lambda value: [value or "None"],
        )

    return registry
