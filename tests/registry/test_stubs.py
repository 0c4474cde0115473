"""etcd's messages, out of the package that ships their definitions."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from registry.etcd3.stubs import CONTENTS, MissingDefinitions, descriptor, stubs


def test_messages_and_methods_are_there() -> None:
    assert stubs().methods["KV.Range"].path == "/etcdserverpb.KV/Range"
    message = stubs().RangeRequest(key=b"k", limit=3)
    assert stubs().RangeRequest.FromString(message.SerializeToString()) == message


def test_what_protobuf_has_twice_is_loaded_once() -> None:
    program = """
import sys
from registry.etcd3.stubs import stubs
print(stubs().RangeRequest(key=b"k"))
assert "google.protobuf.internal.decoder" not in sys.modules
from google.protobuf.internal import python_message
assert python_message.GeneratedProtocolMessageType, "there for who asks"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, 'key: "k"\n\n'), done.stderr


def test_a_message_that_etcd_does_not_have_is_named() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        stubs().Nonsense  # noqa: B018  # asking is the point


def test_the_package_that_is_pinned_is_the_one_that_is_installed() -> None:
    package = importlib.util.find_spec("etcd3")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "etcdrpc"
    for name, digest in CONTENTS.items():
        descriptor(folder / f"{name}_pb2.py", digest)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("nothing of interest", "holds no descriptor"),
        ("DESCRIPTOR = d(serialized_pb=_b('\\n\\x08kv.proto'))", "is not the one of etcd3==0.12.0"),
    ],
)
def test_other_files_are_refused_with_what_is_needed(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "kv_pb2.py"
    if content is not None:
        file.write_text(content)
    with pytest.raises(MissingDefinitions, match=said):
        descriptor(file, CONTENTS["kv"])
