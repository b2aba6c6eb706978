"""Configurations out of files: what is refused, and why."""

import json

import pytest

from freedive.files import ModelFileError, read_json
from freedive.files.strict_json import MAX_BYTES, MAX_CONTAINERS, MAX_DEPTH, MAX_ITEMS

REFUSED = [
    (b"", "CONFIG_SYNTAX", "not JSON"),
    (b"{", "CONFIG_SYNTAX", "not JSON"),
    (b"{} {}", "CONFIG_SYNTAX", "not JSON"),
    (b"[1]", "CONFIG_SYNTAX", "list, not an object"),
    (b"null", "CONFIG_SYNTAX", "NoneType, not an object"),
    (b'{"a": \xff}', "CONFIG_SYNTAX", "not UTF-8 at byte 6"),
    (b"\xef\xbb\xbf{}", "CONFIG_SYNTAX", "byte order mark"),
    ('{"a": 1}'.encode("utf-16"), "CONFIG_SYNTAX", "not UTF-8"),
    ('{"a": 1}'.encode("utf-16-le"), "CONFIG_SYNTAX", "not JSON"),
    (b'{"a": 1, "b": 2, "a": 3}', "CONFIG_LIMIT", "key 'a' twice"),
    (b'{"x": {"a": 1, "a": 1}}', "CONFIG_LIMIT", "key 'a' twice"),
    (b'{"a": NaN}', "CONFIG_LIMIT", "NaN"),
    (b'{"a": -Infinity}', "CONFIG_LIMIT", "-Infinity"),
    (b'{"a": 1e999}', "CONFIG_LIMIT", "1e999"),
    (b'{"a": ' + b"9" * 100_000 + b"}", "CONFIG_LIMIT", "100000 digits"),
    (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "CONFIG_LIMIT", "levels deep"),
    (b'{"a": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "CONFIG_LIMIT", "levels deep"),
    (b'{"a": [' + b"[]," * MAX_CONTAINERS + b"[]]}", "CONFIG_LIMIT", "objects and arrays"),
    (b'{"a": [' + b"0," * (MAX_ITEMS + 1) + b"0]}", "CONFIG_LIMIT", "items"),
    (b'{"a": "' + b" " * MAX_BYTES + b'"}', "CONFIG_LIMIT", "bytes"),
]


@pytest.mark.parametrize(("data", "code", "text"), REFUSED, ids=lambda value: str(value)[:24])
def test_refused(data, code, text):
    with pytest.raises(ModelFileError, match=text) as caught:
        read_json("m.safetensors", data)
    assert caught.value.code == code
    assert str(caught.value).startswith("m.safetensors: the configuration ")
    assert len(str(caught.value)) < 300


def test_ordinary_configurations_are_read():
    config = {"class": "Dense", "config": {"units": 3, "rate": 0.5, "名": ["a", None, True, -7]}}
    assert read_json("m", json.dumps(config)) == config
    assert read_json("m", json.dumps(config).encode()) == config
    deepest = '{"a": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}"
    assert read_json("m", deepest) == json.loads(deepest)
    assert read_json("m", f'{{"a": {2**64}}}') == {"a": 2**64}
