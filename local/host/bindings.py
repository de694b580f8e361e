"""The converters of azure.functions, by binding type: the one place that touches its untyped insides.

The worker's own `generic` binding, which takes over for parameters annotated `str` or `bytes`, is not in that library and lives here.
"""

from typing import Any, Protocol

import azure.functions
from azure.functions import meta

GENERIC = "generic"


class Converter(Protocol):
    """What a binding can do with a value on its way into or out of a function."""

    def check_input_type_annotation(self, pytype: object) -> bool:
        """Whether a parameter may be annotated so."""

    def check_output_type_annotation(self, pytype: object) -> bool:
        """Whether an output may be annotated so."""

    def decode(self, data: "meta.Datum", *, trigger_metadata: object) -> object:
        """The value that the function is given."""

    def encode(self, obj: object, *, expected_type: object) -> "meta.Datum | None":
        """What the function's value becomes on its way out."""


class Generic:
    """Text and bytes, as they are."""

    def check_input_type_annotation(self, pytype: object) -> bool:
        """Any."""
        return pytype in {str, bytes}

    def check_output_type_annotation(self, pytype: object) -> bool:
        """As for inputs."""
        return pytype in {str, bytes}

    def decode(self, data: "meta.Datum", *, trigger_metadata: object) -> object:
        """The text or bytes inside."""
        del trigger_metadata
        return data.value

    def encode(self, obj: object, *, expected_type: object) -> "meta.Datum | None":
        """Text, bytes or nothing; NotImplementedError for all else, as in the real worker."""
        del expected_type
        match obj:
            case None:
                return None
            case str():
                return datum(obj, "string")
            case bytes() | bytearray():
                return datum(bytes(obj), "bytes")
            case _:
                raise NotImplementedError


def converter(binding_type: str) -> Converter | None:
    """The converter for a binding type such as `queueTrigger`; None where neither the library nor this worker has one."""
    if binding_type == GENERIC:
        return Generic()
    registry: Any = azure.functions.get_binding_registry()  # type: ignore[no-untyped-call]
    found: Converter | None = registry.get(binding_type)
    return found


def datum(value: object, kind: str) -> "meta.Datum":
    """A value on the wire, tagged with its kind: string, bytes, json or http."""
    return meta.Datum(value, kind)
