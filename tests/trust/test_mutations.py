"""Valid files with random damage: refused as a file or loaded as a model, never anything else.

Three kinds: bytes as they come; the header's structure, with lengths and checksums put right again; and the JSON of the
configuration, in a file that is right in all else, so that the damage reaches the reader behind the checksums.
"""

import copy
import json
import random
import time
import warnings

import pytest
from attacks.files import MODELS, parts, write

import freedive as fd
from freedive.files import read_tensors

ODD = [
    *(None, True, False, 0, -1, 1, 2, 3.5, -0.0, 1e308, 2**31 - 1, 2**31, 2**63, 10**19, 255, 1000, 100_000),
    *("", "a", "relu", "Dense", "os.system", "/etc/passwd", "..", "\0", "\ud7ff", "é" * 50, "x" * 1000, "float32"),
    *([], {}, [[]], [1, 2], {"symbol": 0}, {"kind": "layer", "class": "Dense", "config": {"units": 2}}),
    *({"kind": "layer", "class": "Flatten", "config": {}}, {"kind": "loss", "class": "Huber", "config": {}}),
]
TEXTS = ("model", "compile", "freedive", "inputs", "step")


def places(tree, way=()):
    """The ways to everything in a tree of JSON."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*way, key)
        yield from places(value, (*way, key))


def mutated_json(tree, random):
    """A tree with one thing replaced, removed, doubled or swapped for another of the same tree."""
    tree = copy.deepcopy(tree)
    ways = list(places(tree))
    if not ways:
        return random.choice(ODD)
    *way, key = random.choice(ways)
    owner = tree
    for step in way:
        owner = owner[step]
    deed = random.randrange(5)
    if deed == 0:
        owner[key] = copy.deepcopy(random.choice(ODD))
    elif deed == 1:
        del owner[key]
    elif deed == 2 and isinstance(owner, list):
        owner.insert(key, copy.deepcopy(owner[key]))
    elif deed == 2:
        owner[random.choice(ODD[17:29])] = owner.pop(key)
    else:
        found = tree
        for step in random.choice(ways):
            found = found[step]
        owner[key] = copy.deepcopy(found)
    return tree


def mutated_bytes(content, random):
    """A file with a few bytes set, removed, inserted, moved or cut off."""
    content = bytearray(content)
    for _ in range(random.randint(1, 4)):
        at, deed = random.randrange(len(content) or 1), random.randrange(6)
        size = random.choice((1, 1, 2, 8, 64))
        if deed == 0:
            content[at : at + size] = random.randbytes(size)
        elif deed == 1:
            del content[at : at + size]
        elif deed == 2:
            content[at:at] = random.randbytes(size)
        elif deed == 3:
            content[at:at] = content[random.randrange(len(content) or 1) :][:size]
        elif deed == 4:
            del content[at:]
        elif content:
            content[at % len(content)] ^= 1 << random.randrange(8)
    return bytes(content)


def mutated_header(content, random):
    """A file whose header is mutated as JSON; its length is right, its checksum is not."""
    size = int.from_bytes(content[:8], "little")
    header = json.dumps(mutated_json(json.loads(content[8 : 8 + size]), random)).encode()
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def outcome(path, load):
    """The code of what came of a file; anything but a model or a refusal goes on to the test."""
    began = time.process_time()
    try:
        load(path)
        code = "loaded"
    except fd.ModelFileError as error:
        code = error.code
        assert len(str(error)) < 2000
    assert time.process_time() - began < 5
    return code


def run(tmp_path, count, seed):
    """Load `count` mutations: of 40, one has a mutated configuration, 9 a mutated header, 30 mutated bytes."""
    dice = random.Random(seed)
    path, codes = tmp_path / "m", {}
    valid = {}
    for kind in MODELS:
        write(path, *parts(kind))
        valid[kind] = path.read_bytes()
    for number in range(count):
        kind = dice.choice(list(MODELS))
        if number % 40 == 0:
            tensors, told = parts(kind)
            name = dice.choice([key for key in ("model", "model", "model", "compile", "freedive") if key in told])
            told[name] = mutated_json(told[name], dice)
            try:
                write(path, tensors, told)
            except UnicodeEncodeError:
                continue
            code = outcome(path, fd.models.load_model)
        else:
            change = mutated_header if number % 40 < 10 else mutated_bytes
            content = change(valid[kind], dice)
            path.write_bytes(content)
            code = outcome(path, read_tensors)
            assert code != "loaded" or content == valid[kind]
        codes[code] = codes.get(code, 0) + 1
    return codes


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings(action="ignore"):
        yield


def test_twenty_thousand_mutations(tmp_path):
    codes = run(tmp_path, 20_000, seed=1)
    assert len(codes) > 10, codes  # they reach many of the checks


@pytest.mark.long
def test_a_million_mutations(tmp_path):
    codes = run(tmp_path, 1_000_000, seed=2)
    assert len(codes) > 15, codes


def test_ten_thousand_single_flips_are_all_detected(tmp_path):
    path, dice = tmp_path / "m", random.Random(3)
    write(path, *parts())
    whole = path.read_bytes()
    for _ in range(10_000):
        damaged = bytearray(whole)
        damaged[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        assert outcome(path, read_tensors) != "loaded"
