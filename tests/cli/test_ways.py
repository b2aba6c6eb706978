"""`freedive distill` and `freedive federate`: what they write, what they say of it, what they refuse."""

import csv
import shlex

import pytest

from freedive.tasks import modelfile


def test_a_student_learns_from_a_file(run, zoo, tmp_path):
    words = (
        "distill",
        zoo / "model.safetensors",
        "--set",
        'options={"units": [16]}',
        "--epochs",
        24,
        "--temperature",
        2,
    )
    result = run(*words, "--output", tmp_path)
    assert result.code == 0, result.err
    with open(tmp_path / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 and {"distillation_loss", "student_loss"} <= rows[0].keys()
    about = modelfile.load(str(tmp_path / "model.safetensors"))[1]
    assert about.data == "zoo" and about.test["accuracy"] > 0.5
    report = (tmp_path / "report.html").read_text()
    assert "taught by" in report and "temperature 2, targets counting 0.1" in report


def test_a_student_learns_what_its_teacher_was_told(run, tmp_path):
    table, teacher = tmp_path / "houses.csv", tmp_path / "teacher"
    table.write_text("size,rooms,price\n" + "".join(f"{i % 17},{i % 5},{3 * (i % 17)}\n" for i in range(60)))
    more = ("--epochs", 1, "-q", "--no-baselines", "--output")
    assert run("train", table, "--target", "price", "--seed", 5, *more, teacher).code == 0
    assert run("distill", teacher / "model.safetensors", *more, tmp_path / "student").code == 0
    told = modelfile.load(str(tmp_path / "student" / "model.safetensors"))[1].told
    assert told == {"target": "price", "seed": 5, "together": True}
    refused = run("distill", teacher / "model.safetensors", "--target", "rooms", *more, tmp_path / "other")
    assert refused.code == 2 and "learned with 'price', not 'rooms'" in refused.err


def test_clients_teach_a_network(run, tmp_path):
    words = ("federate", "zoo", "--clients", 5, "--rounds", 6, "--local-epochs", 3, "--alpha", 1, "--output", tmp_path)
    result = run(*words)
    assert result.code == 0, result.err
    with open(tmp_path / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert "5, rows dealt out by Dirichlet(1)" in (tmp_path / "report.html").read_text()
    command = modelfile.load(str(tmp_path / "model.safetensors"))[1].made["command"]
    again = run(*shlex.split(command)[1:], "--output", tmp_path, "--resume")
    assert again.code == 0 and "Nothing to do" in again.out, again.err


AMISS = [
    (("federate", "zoo", "--strategy", "fedavgg"), 2, "unknown strategy 'fedavgg'. Did you mean 'fedavg'"),
    (("federate", "zoo", "--clients", 1000), 1, "68 rows are enough for 1 to 68 clients"),
    (("federate", "zoo", "--clients", 0), 2, "greater than or equal to 1"),
    (("federate", "zoo", "--rounds", 0), 2, "greater than or equal to 1"),
    (("federate", "zoo", "--alpha", 0), 2, "expected a number over 0. Received: 0.0"),
    (("federate", "zoo", "--fraction", 0), 2, "expected a number over 0, and 1 at most. Received: 0.0"),
    (("federate", "zoo", "--fraction", 2), 2, "expected a number over 0, and 1 at most. Received: 2.0"),
    (("federate", "zoo", "--learning-rate", "nan"), 2, "expected a number over 0. Received: nan"),
    (("federate", "zoo", "--set", "netwrok=x"), 2, "'netwrok'. Did you mean 'network'"),
    (("federate", "zoo", "--target", "kid"), 2, "--target means nothing here: zoo is a data set of freedive"),
    (("federate", "sunspots", "--alpha", 1), 1, "deals out by classes"),
    (("federate", "no/such/folder"), 1, "no/such/folder: no such file"),
    (("federate", "{table}", "--target", "prize"), 2, "unknown column 'prize'. Did you mean 'price'"),
    (("distill", "zoo.safetensors"), 1, "zoo.safetensors"),
    (("distill", "{table}"), 1, "a model file has"),
    (("distill", "{zoo}", "penguins"), 2, "teacher and student must answer alike"),
    (("distill", "{zoo}", "--alpha", 2), 2, "less than or equal to 1"),
    (("distill", "{zoo}", "--temperature", 0), 2, "expected a number over 0. Received: 0.0"),
    (("distill", "{zoo}", "--set", "netwrok=x"), 2, "'netwrok'. Did you mean 'network'"),
    (("distill", "{zoo}", "{table}", "--target", "prize"), 2, "unknown column 'prize'"),
    (("tune", "zoo", "--search", "halfing"), 2, "unknown search 'halfing'. Did you mean 'halving'"),
    (("tune", "zoo", "--trials", 0), 2, "greater than or equal to 1"),
    (("tune", "zoo", "--set", "netwrok=x"), 2, "'netwrok'. Did you mean 'network'"),
    (("tune", "zoo", "--optimizer", "adm"), 2, "unknown optimizer 'adm'. Did you mean 'adam'"),
    (("tune", "{table}", "--target", "prize"), 2, "unknown column 'prize'. Did you mean 'price'"),
    (("tune", "no/such.csv"), 1, "no/such.csv: no such file"),
    (("tune", "sunspots", "--horizon", 1000), 1, "need"),
]


@pytest.mark.parametrize(("words", "code", "told"), AMISS, ids=[" ".join(map(str, words)) for words, *_ in AMISS])
def test_what_makes_no_sense_is_one_error(run, zoo, tmp_path, words, code, told):
    table = tmp_path / "houses.csv"
    table.write_text("size,rooms,price\n" + "".join(f"{i % 17},{i % 5},{3 * (i % 17)}\n" for i in range(60)))
    named = {"{zoo}": str(zoo / "model.safetensors"), "{table}": str(table)}
    result = run(*(named.get(word, word) for word in words), "--output", tmp_path / "run", "--quiet")
    assert result.code == code and told in result.err, result.err
    assert result.err.startswith("Error: ") and result.err.count("\n") == 1
