"""`freedive distill` and `freedive federate`: what they write, what they say of it, what they refuse."""

import csv

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


def test_clients_teach_a_network(run, tmp_path):
    words = ("federate", "zoo", "--clients", 5, "--rounds", 6, "--local-epochs", 3, "--alpha", 1, "--output", tmp_path)
    result = run(*words)
    assert result.code == 0, result.err
    with open(tmp_path / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert "5, rows dealt out by Dirichlet(1)" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("federate", "zoo", "--strategy", "best"), 1, "'fedavg', 'fedprox', 'fedadam'"),
        (("federate", "zoo", "--clients", 1000), 1, "rows are enough"),
        (("distill", "zoo.safetensors"), 1, "zoo.safetensors"),
        (("distill", "{zoo}", "penguins"), 2, "teacher and student must answer alike"),
        (("distill", "{zoo}", "--alpha", 2), 1, "alpha from 0 to 1"),
    ],
)
def test_what_makes_no_sense_is_one_error(run, zoo, tmp_path, words, code, told):
    made = [str(word).replace("{zoo}", str(zoo / "model.safetensors")) for word in words]
    result = run(*made, "--output", tmp_path)
    assert result.code == code and told in result.err, result.err
