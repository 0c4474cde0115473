"""etcd's messages, out of the definitions that the package `etcd3` ships.

The package itself cannot be imported (its generated code needs a protobuf that is no longer maintained),
so its files are found and read as text: each holds a serialized descriptor, and from these a private
pool makes message classes that work with every protobuf, in its fast implementation.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "etcd3"
VERSION: Final = "0.12.0"

CONTENTS: Final = {
    "kv": "a62150b68e25f6ccbef09e718c1c41918a1544988d1bce863e776e38efa17cff",
    "auth": "e2eaf2c37b87a49ef4bcb70389339ea16b2132b48b2618f985e123bafba414f0",
    "rpc": "1cd49d58318d8a69b0a41af7a68df94b8acf2434f5b8075cb5c5eb3f7649e5c2",
}
"""The files, in the order of their imports, and the SHA-256 of the descriptor that each must hold."""

SLOW: Final = "google.protobuf.internal.python_message"
"""Protobuf's implementation in Python, which it imports beside the compiled one: 2 MB that nobody needs."""

_SERIALIZED = re.compile(r"serialized_pb=(?:_b\()?(b?'(?:[^'\\]|\\.)*')")


class MissingDefinitions(RuntimeError):
    """etcd's messages are not where they should be: fleet is not installed as it was built."""


@dataclass(frozen=True, slots=True)
class Method:
    """A call that etcd understands."""

    path: str
    request: Any
    response: Any


class Stubs:
    """The message classes by name, and the methods by `Service.Method`."""

    def __init__(self, descriptors: tuple[bytes, ...]) -> None:
        _put_off(SLOW)
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

        self._class_of = message_factory.GetMessageClass
        self.methods: dict[str, Method] = {}
        self._messages: dict[str, Any] = {}
        pool = descriptor_pool.DescriptorPool()
        for serialized in descriptors:
            pool.AddSerializedFile(serialized)
            name = descriptor_pb2.FileDescriptorProto.FromString(serialized).name
            self._add(pool.FindFileByName(name))

    def __getattr__(self, name: str) -> Any:
        try:
            return self._messages[name]
        except KeyError:
            raise AttributeError(f"etcd has no message {name}") from None

    def _add(self, file: Any) -> None:
        for name, message in file.message_types_by_name.items():
            self._messages[name] = self._class_of(message)
        for service in file.services_by_name.values():
            for method in service.methods:
                self.methods[f"{service.name}.{method.name}"] = Method(
                    f"/{service.full_name}/{method.name}",
                    self._class_of(method.input_type),
                    self._class_of(method.output_type),
                )


def _put_off(name: str) -> None:
    """Import a module only when something of it is used."""
    if name in sys.modules or (spec := importlib.util.find_spec(name)) is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Found there, it is not looked at; found among the modules it would be, and that is use enough.
    package, _, last = name.rpartition(".")
    setattr(sys.modules[package], last, module)


@functools.cache
def stubs() -> Stubs:
    """etcd's messages. Raises MissingDefinitions."""
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise MissingDefinitions(f"the package {PACKAGE} is not installed (pip install {PACKAGE}=={VERSION})")
    folder = Path(package.origin).parent / "etcdrpc"
    return Stubs(tuple(descriptor(folder / f"{name}_pb2.py", digest) for name, digest in CONTENTS.items()))


def descriptor(file: Path, digest: str) -> bytes:
    """The serialized descriptor in a file of generated code, if it is the one that is known."""
    try:
        found = _SERIALIZED.search(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingDefinitions(f"{file} cannot be read: {error.strerror}") from error
    if found is None:
        raise MissingDefinitions(f"{file} holds no descriptor: fleet needs {PACKAGE}=={VERSION}")
    literal: str | bytes = ast.literal_eval(found[1])
    serialized = literal if isinstance(literal, bytes) else literal.encode("latin-1")
    if hashlib.sha256(serialized).hexdigest() != digest:
        raise MissingDefinitions(f"{file} is not the one of {PACKAGE}=={VERSION}, which fleet needs")
    return serialized
