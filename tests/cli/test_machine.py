"""`freedive datasets` and `freedive doctor`."""

import re

import pytest

from freedive.cli import doctor
from freedive.datasets import CATALOG
from freedive.tasks.embedded import FETCHED, RECIPES


def test_datasets_are_listed_with_licences_and_sources(run):
    result = run("datasets")
    assert result.code == 0
    lines = {line.split()[0]: line for line in result.out.splitlines()[1:] if line.split()}
    for name, info in CATALOG.items():
        assert all(text in lines[name] for text in (info.kind, info.sizes, info.task, info.licence, info.source))
        assert re.search(rf"  {'yes' if info.embedded else 'no'} ", lines[name])
        assert (name in RECIPES) == bool(info.expect) and info.expect in lines[name]
        assert info.recipe == (name in (*RECIPES, *FETCHED)) and info.recipe == ("in Python alone" not in lines[name])
    assert not any(CATALOG[name].embedded for name in FETCHED)


def test_datasets_as_json(run):
    listed = run("datasets", "--json").json
    assert [info["name"] for info in listed] == list(CATALOG)
    assert all(info["licence"] and info["source"] for info in listed)


def test_doctor_finds_this_machine_ready(run):
    result = run("doctor")
    assert result.code == 0
    for word in ("Python", "jax", "cores", "memory", "devices", "cache", "extras", "50 epochs"):
        assert word in result.out
    found = run("doctor", "--json").json
    assert found["trial"]["ok"] is True
    assert found["machine"]["cores"] >= 1
    assert found["versions"]["jax"] != "missing"


def test_doctor_fails_where_a_network_does_not_learn(run, monkeypatch):
    trial = {"ok": False, "result": "it did not learn", "seconds": 0.0}
    monkeypatch.setattr(doctor, "checked", lambda: trial)
    assert run("doctor").code == 1
    assert run("doctor", "--json").code == 1


def test_a_missing_extra_has_its_line():
    assert doctor.extra("no_such_module", "no-such[part]") == 'no: pip install "no-such[part]"'
    assert doctor.extra("numpy", "numpy").startswith("yes, ")


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1023 B"), (2048, "2.0 KiB"), (5 * 2**40, "5.0 TiB")])
def test_sizes(count, text):
    assert doctor.size(count) == text
