"""evaluate, predict and summary: from a model's file alone."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sk

import freedive as fd
from freedive.datasets import digits as digit_set
from freedive.datasets import zoo as zoo_set
from freedive.files import ModelFileError, read_tensors, write_tensors
from freedive.tasks import Classes, modelfile
from freedive.tasks.reading import Numbers

(_, _), (PICTURES, LABELS) = digit_set.load_data()


@pytest.fixture
def pictures(tmp_path):
    """Ten digits as PNG files, dark on a light ground, larger than the model takes."""
    for row in range(10):
        image = Image.fromarray(255 - PICTURES[row]).resize((140, 140), Image.Resampling.BICUBIC)
        page = Image.new("L", (200, 180), 255)
        page.paste(image, (30, 20))
        page.save(tmp_path / f"{row}.png")
    return sorted(tmp_path.glob("*.png"))


def model_of(folder):
    return folder / "model.safetensors"


# evaluate -----------------------------------------------------------------------------------------------------------
def test_evaluate_says_what_training_said(run, zoo):
    about = modelfile.load(str(model_of(zoo)))[1]
    result = run("evaluate", model_of(zoo), "--json").json
    assert {name: result[name] for name in about.test} == pytest.approx(about.test)
    (_, _), (x, y) = zoo_set.load_data()
    said = modelfile.load(str(model_of(zoo)))[0].predict(about.reader.encoded(columns(x)), verbose=0).argmax(1)
    expected = sk.precision_recall_fscore_support(y, said, labels=range(7), zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "rows"), expected, strict=True):
        np.testing.assert_allclose([c[name] for c in result["classes"]], values)
    assert f"accuracy {result['accuracy']:.4f}" in run("evaluate", model_of(zoo), "zoo").out


def columns(x):
    return dict(zip(zoo_set.feature_names, x.T, strict=True))


def test_evaluate_on_files_of_ones_own(run, tmp_path, digits, zoo):
    np.savez(tmp_path / "a.npz", x=PICTURES[:200], y=LABELS[:200])
    small = run("evaluate", model_of(digits), tmp_path / "a.npz", "--json").json
    assert small["rows"] == 200
    (_, _), (x, y) = zoo_set.load_data()
    lines = [",".join((*zoo_set.feature_names, "sort"))]
    lines += [",".join((*map(str, row), zoo_set.class_names[label])) for row, label in zip(x.tolist(), y, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    table = run("evaluate", model_of(zoo), tmp_path / "a.csv", "--target", "sort", "--json").json
    assert table["accuracy"] == run("evaluate", model_of(zoo), "--json").json["accuracy"]


HOUSES = "size,rooms,owner,price\n" + "".join(f"{i % 17},{i % 5},o{i % 12},{3 * (i % 17) + i % 5}\n" for i in range(60))
REVIEWS = "opinion,stars\n" + "".join(f"the {w} film number {i} was shown,{n}\n" for i in range(30) for w, n in
                                       (("good", 5), ("bad", 1)))  # fmt: skip
LEARNED = {
    "houses.csv": (HOUSES, ("--target", "price", "--group", "owner", "--seed", "3")),
    "reviews.csv": (REVIEWS, ("--target", "stars", "--text", "opinion")),
}


@pytest.mark.parametrize("name", LEARNED)
def test_evaluate_takes_the_rows_that_were_not_learned_from(run, tmp_path, name):
    text, words = LEARNED[name]
    data, model = tmp_path / name, tmp_path / "run" / "model.safetensors"
    data.write_text(text)
    assert run("train", data, *words, "--epochs", 1, "-q", "--no-baselines", "--output", model.parent).code == 0
    about = modelfile.load(str(model))[1]
    found = run("evaluate", model, "--json").json
    assert {name: found[name] for name in about.test} == pytest.approx(about.test) and found["rows"] < 20
    assert run("evaluate", model).out.startswith(f"{found['rows']} rows of {data} that were not learned from\n")
    assert run("evaluate", model, data, "--json").json == found
    other = tmp_path / f"other_{name}"
    other.write_text(text)
    assert run("evaluate", model, other).out.startswith(f"{found['rows']} rows of {other} that were not learned from\n")
    other.write_text(text + text.splitlines()[1] + "\n")
    assert run("evaluate", model, other).out.startswith(f"61 rows of {other}\n")
    refused = run("evaluate", model, other, "--target", "rooms")
    assert refused.code == 2 and f"learned with {words[1]!r}, not 'rooms'" in refused.err
    data.write_text(text + "\n".join(text.splitlines()[1:40]) + "\n")
    assert "has changed since the model learned from it" in run("evaluate", model).err
    renewed = run("evaluate", model, data)
    assert renewed.out.startswith("99 rows of") and "is not, or no longer, what" in renewed.err
    data.unlink()
    assert "which is not here" in run("evaluate", model).err


def test_other_files_are_read_as_those_learned_from(run, tmp_path):
    lines = "".join(f"好\t很 {i}\n坏\t不 {i}\n" for i in range(30))
    words = {"houses.csv": HOUSES.replace("o", "北"), "lines.tsv": lines}
    for name, text in words.items():
        data, folder = tmp_path / name, tmp_path / f"run {name}"
        data.write_bytes(text.encode("gbk"))
        target = ("--target", "price") if name == "houses.csv" else ()
        more = ("--set", "encoding=gbk", "--epochs", 1, "-q", "--no-baselines", "--output", folder)
        assert run("train", data, *target, *more).code == 0
        other, model = tmp_path / f"other {name}", folder / "model.safetensors"
        other.write_bytes(data.read_bytes() + b"\n")
        result = run("evaluate", model, other)
        assert result.code == 0 and result.out.startswith("60 rows of"), result.err
        other.write_text(text, encoding="utf-16")
        for command in ("evaluate", "predict") if target else ("evaluate",):  # what is asked about has no labels
            assert "is not gbk" in run(command, model, other).err
            result = run(command, model, other, "--set", "encoding=utf-16")
            assert result.code == 0 and not result.err.count("rror"), result.err
        assert run("evaluate", model, "--set", "encoding=gbk").code == 2


@pytest.mark.parametrize("words", [("--set", "encoding=gbk"), ("--set", "gaps"), ("--set", "epochs=3")])
def test_what_means_nothing_for_the_files_of_a_model_is_refused(run, pictures, digits, words):
    result = run("predict", model_of(digits), pictures[0], *words)
    assert result.code == 2 and result.err.count("\n") == 1 and not result.out


def test_a_forecast_has_times_and_its_errors_a_scale(run, tmp_path):
    times = np.arange("2024-01-01", "2024-01-04", dtype="M8[h]")
    lines = [f"{time}:00Z,{i % 24}" for i, time in enumerate(times)]
    files = [tmp_path / name for name in ("a.csv", "b.csv")]
    for file in files:
        file.write_text("\n".join(["when,load", *lines]))
    words = ("train", files[0], "--horizon", 3, "--epochs", 1, "--set", "calendar=true", "-q", "--no-baselines")
    assert run(*words, "--output", tmp_path / "run").code == 0
    model = tmp_path / "run" / "model.safetensors"
    evaluated = run("evaluate", model)
    assert "MSE, standardised" in evaluated.out and not evaluated.err  # it has not changed since
    assert "test MSE, standardised" in run("summary", model).out
    heads, *rows = list(csv.reader(run("predict", model, *files, "--csv").out.splitlines()))
    assert heads == ["file", "time", "load"] and len(rows) == 6
    assert rows[3][:2] == [str(files[1]), "2024-01-04 00:00Z"] and rows[3][2] == rows[0][2]
    assert run("predict", model, files[0]).out.split()[:4] == ["time", "load", "2024-01-04", "00:00Z"]
    assert run("predict", model, files[0], "--json").json[0]["times"][2] == "2024-01-04 02:00Z"
    files[1].write_text("\n".join(["when,load", *lines[:30], *lines[31:]]).replace(",", ";"))
    assert "gaps='fill'" in run("predict", model, files[1]).err
    assert run("predict", model, files[1], "--set", "gaps=fill", "--csv").code == 0


def test_amounts_are_called_as_their_column(run, tmp_path):
    (tmp_path / "houses.csv").write_text(HOUSES)
    words = ("--target", "price", "--epochs", 1, "--no-baselines", "--output", tmp_path / "run")
    told = run("train", tmp_path / "houses.csv", *words).out
    assert "Losses and errors while learning are of amounts brought to mean 0 and deviation 1." in told
    assert run("predict", tmp_path / "run" / "model.safetensors", tmp_path / "houses.csv").out.split()[:2] == [
        "file",
        "price",
    ]
    assert "<h1>Houses: price</h1>" in (tmp_path / "run" / "report.html").read_text()


def test_evaluate_on_a_folder_of_pictures(run, tmp_path, digits):
    for row in range(30):
        folder = tmp_path / str(LABELS[row])
        folder.mkdir(exist_ok=True)
        Image.fromarray(PICTURES[row]).save(folder / f"{row}.png")
    result = run("evaluate", model_of(digits), tmp_path, "--json").json
    said = modelfile.load(str(model_of(digits)))[0].predict(PICTURES[:30], verbose=0).argmax(1)
    assert result["accuracy"] == pytest.approx((said == LABELS[:30]).mean())


@pytest.mark.parametrize(
    ("data", "code", "text"),
    [
        (
            "zo",
            2,
            "unknown data set 'zo', and there is no such file or folder. Did you mean 'zoo'?",
        ),
        ("fashion", 1, "its classes are amphibian"),
        ("none.csv", 1, "none.csv: no such file"),
        ("no/such", 1, "there is no folder 'no'"),
    ],
)
def test_evaluate_on_what_is_not_there(run, tmp_path, monkeypatch, zoo, data, code, text):
    monkeypatch.chdir(tmp_path)
    result = run("evaluate", model_of(zoo), data)
    assert (result.code, result.out) == (code, "") and text in result.err and result.err.count("\n") == 1


# predict ------------------------------------------------------------------------------------------------------------
def test_predict_reads_pictures_of_any_kind(run, digits, pictures):
    answers = run("predict", model_of(digits), *pictures, "--json")
    assert answers.code == 0 and answers.err.count("dark on a light ground: inverted") == 10
    right = [a["answer"] == str(label) for a, label in zip(answers.json, LABELS, strict=False)]
    assert sum(right) >= 8
    for answer in answers.json:
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert answer["sure"] == max(answer["probabilities"].values())
    table = run("predict", model_of(digits), *pictures).out.splitlines()
    assert table[0].split() == ["file", "answer", "sure", "or"]
    assert [line.split()[:2] for line in table[1:]] == [[a["file"], a["answer"]] for a in answers.json]


@pytest.mark.parametrize("ending", ["npy", "npz", "csv"])
def test_predict_reads_arrays(run, tmp_path, digits, ending):
    path, x = tmp_path / f"a.{ending}", PICTURES[:5]
    {
        "npy": lambda: np.save(path, x),
        "npz": lambda: np.savez(path, x=x),
        "csv": lambda: np.savetxt(path, x.reshape(5, -1), fmt="%d", delimiter=","),
    }[ending]()
    answers = run("predict", model_of(digits), path, "--json").json
    said = modelfile.load(str(model_of(digits)))[0].predict(x, verbose=0).argmax(1)
    assert [a["answer"] for a in answers] == [str(k) for k in said]
    assert [a["file"] for a in answers] == [f"{path}:{row}" for row in range(5)]


def test_one_bad_file_does_not_spoil_the_others(run, tmp_path, digits, pictures):
    (tmp_path / "text.png").write_text("this is a text")
    result = run(
        "predict", model_of(digits), pictures[0], tmp_path / "text.png", tmp_path / "no.png", pictures[1], "--json"
    )
    assert result.code == 1
    assert [a["file"] for a in result.json] == [str(p) for p in pictures[:2]]
    assert f"{tmp_path}/text.png: cannot be read as a picture" in result.err
    assert f"{tmp_path}/no.png: no such file" in result.err
    assert "Traceback" not in result.err


def test_a_folder_stands_for_the_files_in_it(run, tmp_path, digits, zoo, pictures):
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "more").mkdir()
    pictures[9].rename(tmp_path / "more" / "9.png")
    result = run("predict", model_of(digits), tmp_path, "--json")
    assert result.code == 0
    assert [a["file"] for a in result.json] == [*map(str, pictures[:9]), str(tmp_path / "more" / "9.png")]
    (tmp_path / "empty").mkdir()
    result = run("predict", model_of(digits), tmp_path / "empty")
    assert result.code == 1 and f"{tmp_path}/empty: no files in this folder. Expected .png" in result.err
    assert "expected a table in a file" in run("predict", model_of(zoo), tmp_path).err


def test_predict_without_a_readable_file_answers_nothing(run, tmp_path, digits):
    result = run("predict", model_of(digits), tmp_path / "no.png")
    assert result.code == 1 and not result.out


# summary ------------------------------------------------------------------------------------------------------------
def test_summary_tells_layers_and_origin(run, zoo):
    result = run("summary", model_of(zoo))
    assert result.code == 0
    assert "learned from: zoo" in result.out and "classes: amphibian, bird" in result.out
    found = run("summary", model_of(zoo), "--json").json
    weights = modelfile.load(str(model_of(zoo)))[0].count_params()
    assert sum(layer["weights"] for layer in found["layers"]) == found["weights"] == weights
    assert f"\n{weights:,} weights" in result.out
    assert found["about"]["reader"]["class"] == "Columns"


# files that are wrong -----------------------------------------------------------------------------------------------
def flipped(path, source):
    content = bytearray(source.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def with_about(path, source, about):
    tensors, metadata = read_tensors(source)
    write_tensors(path, tensors, {**metadata, "about": json.dumps(about)})


CLASSES = {"kind": "target", "class": "Classes", "config": {"values": ["x" * 300]}}
BROKEN = {
    "text": (lambda path, _: path.write_text("hello, this is no model\n" * 9), ""),
    "empty": (lambda path, _: path.write_bytes(b""), "TRUNCATED"),
    "cut": (lambda path, source: path.write_bytes(source.read_bytes()[:-100]), ""),
    "flipped": (flipped, "CHECKSUM"),
    "folder": (lambda path, _: path.mkdir(), "NOT_A_MODEL"),
    "about": (lambda path, source: with_about(path, source, {"reader": 3}), "BAD_FIELD"),
    "reader": (
        lambda path, source: with_about(path, source, {"reader": {"kind": "reader", "class": "os.system"}}),
        "UNKNOWN",
    ),
    "spare": (lambda path, source: with_about(path, source, {"vocabulary_path": "/etc/passwd"}), "BAD_FIELD"),
    "classes": (
        lambda path, source: with_about(
            path, source, {"target": {"kind": "target", "class": "Classes", "config": {"values": ["x" * 300]}}}
        ),
        "BAD_FIELD",
    ),
}


@pytest.mark.parametrize("command", ["summary", "predict", "evaluate"])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_model_files_are_refused_in_a_line(run, tmp_path, zoo, command, name):
    make, code = BROKEN[name]
    path = tmp_path / f"{name}.safetensors"
    make(path, model_of(zoo))
    result = run(command, path, *(["x.csv"] if command == "predict" else []))
    assert result.code == 1 and not result.out
    assert result.err.startswith("Error: ") and result.err.count("\n") == 1
    assert str(path) in result.err and code in result.err


def test_a_folder_in_the_place_of_a_model_says_what_is_expected(run, tmp_path, zoo):
    assert f"{zoo}: a folder; expected a model's file, such as {model_of(zoo)} [NOT_A_MODEL" in run("distill", zoo).err
    assert "expected a model's file, such as model.safetensors" in run("evaluate", tmp_path).err


def test_a_missing_model_names_the_nearest(run, zoo):
    result = run("summary", zoo / "model.safetensor")
    assert result.code == 1
    assert result.err == f"Error: {zoo}/model.safetensor: no such file; did you mean 'model.safetensors'?\n"


# models of ones own -------------------------------------------------------------------------------------------------
def own(path, **options):
    model = fd.Sequential([fd.Input((3,)), fd.layers.Dense(2, **options)])
    model.build()
    model.save(path)
    return model


def test_a_model_of_ones_own_answers_in_numbers(run, tmp_path):
    model = own(tmp_path / "a.safetensors")
    x = np.ones((2, 3), np.float32)
    np.save(tmp_path / "x.npy", x)
    answers = run("predict", tmp_path / "a.safetensors", tmp_path / "x.npy", "--json").json
    np.testing.assert_allclose([a["output"] for a in answers], model.predict(x), rtol=1e-6)
    assert "output" in run("predict", tmp_path / "a.safetensors", tmp_path / "x.npy").out.splitlines()[0]
    result = run("evaluate", tmp_path / "a.safetensors", tmp_path / "x.npy")
    assert result.code == 1 and "does not say what classes its outputs are" in result.err


def test_files_of_different_lengths_are_answered_together(run, tmp_path):
    model = fd.Sequential([fd.Input((None, 3)), fd.layers.GlobalAveragePooling1D(), fd.layers.Dense(2)])
    model.build()
    model.save(tmp_path / "a.safetensors")
    parts = [np.random.default_rng(length).normal(size=(length, 3)).astype(np.float32) for length in (4, 7)]
    for place, part in enumerate(parts):
        np.save(tmp_path / f"{place}.npy", part)
    answers = run("predict", tmp_path / "a.safetensors", tmp_path / "0.npy", tmp_path / "1.npy", "--json").json
    for answer, part in zip(answers, parts, strict=True):
        np.testing.assert_allclose(answer["output"], model.predict(part[None])[0], rtol=1e-5)


def test_what_a_file_says_survives(tmp_path):
    model = own(tmp_path / "a.safetensors", activation="softmax")
    about = modelfile.About("mine", None, Numbers((3,)), Classes(["no", "yes"]), {"accuracy": 0.5}, {"seed": 0})
    modelfile.save(model, str(tmp_path / "b.safetensors"), about)
    again, found = modelfile.load(str(tmp_path / "b.safetensors"))
    assert found.get_config() == about.get_config()
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_classes_must_match_what_the_model_gives(run, tmp_path):
    model = own(tmp_path / "a.safetensors")
    modelfile.save(
        model, str(tmp_path / "b.safetensors"), modelfile.About(reader=Numbers((3,)), target=Classes(["a", "b", "c"]))
    )
    np.savez(tmp_path / "x.npz", x=np.ones((2, 3)), y=np.array([0, 1]))
    result = run("evaluate", tmp_path / "b.safetensors", tmp_path / "x.npz")
    assert result.code == 1 and "not one number for each of its 3 classes" in result.err


def test_about_is_checked():
    with pytest.raises(TypeError, match="expected a reader"):
        modelfile.About(reader="Numbers")
    assert issubclass(ModelFileError, ValueError)
