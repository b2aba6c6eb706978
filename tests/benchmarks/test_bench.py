"""The bench itself: names, turns, tables."""

from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import compare, measure, peers, picture, report, workloads

STEP = {"cold": 2.0, "cold_ever": 4.0, "compile": 1.0, "memory": 300 * 2**20, "loss": 0.5, "accuracy": 0.9}
RESULTS = {
    "machine": {"processor": "a processor", "cores": 2},
    "versions": {"freedive": {"freedive": "0.1.0"}, "torch": {"torch": "2.9"}},
    "rows": {
        "P4": {
            "rate": 1e11,
            "work": 1e8,
            "peers": {
                "freedive": {**STEP, "step": 2e-3, "least": 1.9e-3, "memory": 360 * 2**20},
                "torch": {**STEP, "step": 5e-3, "least": 4e-3, "loss": 0.52},
                "keras-jax": {**STEP, "step": 9e-3, "least": 9e-3, "cold_ever": 3.0},
                "keras-jax@50": {**STEP, "step": 8e-3, "least": 8e-3},
                "jax-hand": {**STEP, "step": 1e-5, "least": 1e-5, "loss": 2.3},
                "keras-tf": {"error": "ImportError: no"},
            },
        }
    },
}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--rows", "P22"], "unknown row 'P22'. Did you mean 'P2'"),
        (["--rows", "P2,zzz"], "unknown row 'zzz'. Known: P1, P2"),
        (["--peers", "troch"], "unknown peer 'troch'. Did you mean 'torch'"),
        (["--peers", "torch@5"], "unknown peer 'torch@5'. Did you mean 'torch'"),
        (["--peers", "keras-jax@0"], "unknown peer 'keras-jax@0'. Did you mean 'keras-jax"),
        (["--python", "torhc=/bin/sh"], "unknown peer 'torhc'. Did you mean 'torch'"),
        (["--python", "torch=/no/such/python"], "--python torch=/no/such/python: there is no such file"),
    ],
)
def test_wrong_names_are_told_with_the_nearest(words, text, capsys):
    assert bench.main(words) == 2
    assert text in capsys.readouterr().err


def test_rows_and_peers_stand_in_the_order_of_their_tables():
    assert list(workloads.select(["P4", "P1"])) == ["P1", "P4"]
    assert [peer.steps for peer in peers.select(["keras-tf@10", "keras-tf", "keras-tf"])] == [10, 1]
    assert set(workloads.QUICK) <= set(workloads.WORKLOADS) and set(peers.QUICK) <= set(peers.DEFAULT)


def test_the_summary():
    (line,) = report.summary(RESULTS)
    named = dict(zip(report.SUMMARY, line, strict=True))
    assert named == {
        "row": "P4", "freedive": "2 ms", "best peer": "torch", "its time": "5 ms", "ratio": "2.50x", "to reach": "1.5x",
        "share of rate": "50%", "first ever": "1.33", "warm": "1.00", "memory": "1.20",
    }  # fmt: skip


def test_the_details_and_a_wrong_result_that_does_not_win():
    lines = {line[1]: line for line in report.details(RESULTS)}
    assert list(lines) == ["jax-hand", "freedive", "torch", "keras-jax@50", "keras-jax", "keras-tf"]
    assert [name for name, line in lines.items() if line[-1] == "best peer"] == ["torch"]
    assert lines["jax-hand"][-1] == "LOSS APART"
    assert lines["keras-tf"][2] == "failed: ImportError: no"
    assert lines["torch"][2:5] == ["5 ms", "4 ms", "2.50x"]


def test_the_page_and_the_picture(tmp_path):
    page = report.page(RESULTS)
    assert page.startswith("| row ") and "- cores: 2" in page and "freedive 0.1.0, torch 2.9" in page
    assert "100 GFLOP/s" in page
    assert picture.families(RESULTS) == {"torch": {"P4": 2.5}, "keras-jax": {"P4": 4.0}}
    picture.draw(RESULTS, tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").read_bytes().startswith(b"\x89PNG")


def test_repeats_become_medians():
    found = compare.summary([{"step": s, "cold": 1.0, "accuracy": None} for s in (3.0, 1.0, 2.0)])
    assert (found["step"], found["least"], len(found["repeats"])) == (2.0, 1.0, 3)
    assert compare.summary([{"step": 1.0}, {"error": "no"}]) == {"error": "no"}


def made(monkeypatch, answer, repeats=2, warm=True):
    """A bench of two peers whose processes give `answer(peer, order)`; the orders that they got."""
    orders = []

    def process(self, peer, order, cache):
        orders.append((peer.name, order["seed"], order.get("cold", False), cache.name))
        return answer(peer, order)

    monkeypatch.setattr(compare.Bench, "process", process)
    rows, two = workloads.select(["P1"]), peers.select(["freedive", "torch"])
    told = []
    one = compare.Bench(rows, two, repeats, warm, {}, lambda workload: Path("x.npz"), told.append)
    return one, two, orders, told


def test_peers_take_turns_and_the_order_turns_round(monkeypatch):
    one, two, orders, _ = made(monkeypatch, lambda peer, order: {"step": 1.0, "cold": 2.0 + order["seed"]})
    found = one.row("P1", Path("x.npz"), two)
    assert [(name, seed) for name, seed, cold, _ in orders if not cold] == [
        ("freedive", 0), ("torch", 0), ("torch", 1), ("freedive", 1),
    ]  # fmt: skip
    assert [cold for _, _, cold, _ in orders] == [True, False] * 4  # empty caches first, then filled ones
    assert len({cache for *_, cache in orders}) == 4  # each of its own
    assert found["torch"]["cold_ever"] == 2.5


def test_in_short_every_turn_starts_with_empty_caches(monkeypatch):
    one, two, orders, _ = made(monkeypatch, lambda peer, order: {"step": 1.0, "cold": 2.0}, warm=False)
    found = one.row("P1", Path("x.npz"), two)
    assert len(orders) == len({cache for *_, cache in orders}) == 4
    assert found["torch"]["cold_ever"] == 2.0 and "cold" not in found["torch"]


def test_a_peer_that_fails_is_told_once_and_left_out(monkeypatch):
    one, two, _, told = made(
        monkeypatch, lambda peer, order: {"error": "no"} if peer.name == "torch" else {"step": 1.0, "cold": 1.0}
    )
    found = one.row("P1", Path("x.npz"), two)
    assert found["torch"] == {"error": "no"} and "step" in found["freedive"]
    assert told.count("P1 torch: no") == 1


def test_what_is_measured_is_kept_after_every_row(monkeypatch, tmp_path):
    one, *_ = made(monkeypatch, lambda peer, order: {**STEP, "step": 1.0, "cold": 2.0}, repeats=1, warm=False)
    one.rows = workloads.select(["P1", "P2"])
    monkeypatch.setattr(compare.Bench, "versions", lambda self, peer: {peer.name: "1"})
    monkeypatch.setattr(compare, "started", lambda command, environment: {"rate": 1e9, "work": 2e6, "threads": 2})
    kept = []
    results = one.run(lambda so_far: (kept.append(list(so_far["rows"])), bench.write(so_far, tmp_path)))
    assert kept == [["P1"], ["P1", "P2"]]
    assert results["machine"]["torch threads"] == 2 and results["rows"]["P2"]["rate"] == 1e9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ratios.png", "results.json", "table.md"]


def test_what_is_not_installed_is_left_out_with_a_line(monkeypatch):
    one, _, _, told = made(monkeypatch, dict)
    monkeypatch.setattr(
        compare.Bench, "versions", lambda self, peer: {"torch": None} if peer.name == "torch" else {"freedive": "0.1.0"}
    )
    assert one.present() == {"freedive": {"freedive": "0.1.0"}}
    assert told == ["torch is left out: it needs torch"]


def test_a_process_measures_a_row(tmp_path):
    """The real thing: P5 in JAX by hand, cold start only."""
    from benchmarks import data

    one = compare.Bench({}, [], 1, False, {}, lambda workload: Path(), print)
    order = {"row": "P5", "peer": "jax-hand", "data": str(data.prepare("vowels", tmp_path, 32)), "seed": 0}
    found = one.process(peers.find("jax-hand"), order | {"cold": True}, tmp_path / "cache")
    assert found["cold"] >= found["first"] > 0 and found["memory"] > 2**20, found
    broken = one.process(peers.find("jax-hand"), order | {"data": "no.npz"}, tmp_path / "cache")
    assert "FileNotFoundError" in broken["error"]


def test_memory_is_that_of_this_process():
    assert 2**24 < measure.highest_memory() < 2**40
