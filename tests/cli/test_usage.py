"""Help, wrong words, exit codes, and what starts quickly."""

import ast
import inspect
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from PIL import Image

import freedive.cli
from freedive.cli import console, train
from freedive.datasets import public
from freedive.tasks import embedded

COMMANDS = ("train", "tune", "distill", "federate", "evaluate", "predict", "summary", "datasets", "doctor", "bench")
WRONG = [
    (("trin",), "No such command 'trin'"),
    (("train",), "Missing argument 'DATA'. See: freedive train --help"),
    (
        ("train", "digit"),
        "unknown data set 'digit', and there is no such file or folder. Did you mean 'digits'?",
    ),
    (
        ("train", "poems_zh"),
        "no such file or folder. It is a data set for generation, in Python alone: freedive.data",
    ),
    (("train", "zzz"), "Known: digits, fashion, "),
    (("train", "digits", "--epochs", "0"), "Invalid value for '--epochs'"),
    (("train", "digits", "--epochs", "two"), "Invalid value for '--epochs'"),
    (("train", "digits", "--learning-rate", "-1"), "'--learning-rate': expected a number over 0. Received: -1.0"),
    (("train", "digits", "--learning-rate", "nan"), "'--learning-rate': expected a number over 0. Received: nan"),
    (("train", "digits", "--optimizer", "adm"), "unknown optimizer 'adm'. Did you mean 'adam'"),
    (("train", "digits", "--epoch", "1"), "No such option"),
    (("predict", "model.safetensors"), "Missing argument 'FILE...'"),
    (("bench", "--rows", "P22"), "unknown row 'P22'. Did you mean 'P2' or"),
    (("bench", "--peers", "troch"), "unknown peer 'troch'. Did you mean 'torch'"),
    (("summary",), "Missing argument 'MODEL'"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(run, command):
    result = run(command, "--help")
    assert result.code == 0 and not result.err
    assert result.out.startswith(f"Usage: freedive {command}")
    assert f"  freedive {command}" in result.out.split("Examples:")[1]


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_lists_the_commands(run, words):
    result = run(*words)
    assert result.code == 0 and not result.err
    assert all(f"\n  {command} " in result.out for command in COMMANDS)


def test_version(run):
    assert run("--version").out.strip() == f"freedive {freedive.__version__}"


@pytest.mark.parametrize(("words", "text"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_words_are_told_in_a_line(run, tmp_path, monkeypatch, words, text):
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.code == 2 and not result.out
    assert text in result.err
    assert result.err.startswith("Error: ") and result.err.count("\n") == 1
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ("train", "{table}", "--target", "prize"),
        ("train", "{table}", "--target", "price", "--group", "owner"),
        ("train", "{table}", "--target", "price", "--text", "review"),
        ("train", "{table}", "--target", "price", "--set", "network=foo"),
        ("train", "{table}", "--target", "price", "--set", 'options={"units": 64}'),
        ("train", "{table}", "--target", "price", "--set", 'options={"unit": [64]}'),
        ("train", "{table}", "--target", "price", "--set", "options={units: [64]}"),
        ("train", "{table}", "--target", "price", "--set", "categories=3"),
        ("train", "sunspots", "--set", 'options={"trend": "no"}'),
        ("train", "sunspots", "--set", "quantiles=low,high"),
        ("train", "{photos}", "--target", "dress"),
        ("train", "{photos}", "--set", "size=0"),
        ("tune", "{photos}", "--group", "owner"),
    ],
)
def test_what_was_typed_wrong_leaves_nothing(run, tmp_path, monkeypatch, words):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    table = tmp_path / "houses.csv"
    table.write_text("size,rooms,price\n" + "".join(f"{i % 17},{i % 5},{3 * (i % 17)}\n" for i in range(60)))
    for row in range(20):
        (tmp_path / "photos" / "ab"[row % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), row).save(tmp_path / "photos" / "ab"[row % 2] / f"{row}.png")
    named = {"{table}": table, "{photos}": tmp_path / "photos"}
    result = run(*(named.get(word, word) for word in words))
    assert result.code == 2 and result.err.count("\n") == 1 and not any(Path().iterdir()), result
    if "dress" in words:
        assert (
            "It is for: an .npz file of arrays x and y" in result.err
            and "a folder of class folders of pict" in result.err
        )


def test_a_path_of_no_known_kind_says_what_is_there(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("classes/a").mkdir(parents=True)
    Path("code").mkdir()
    for name in ("code/a.py", "code/b.py", "one.py", "none"):
        Path(name).write_text("x")
    for path, seen in (
        ("empty", "a folder without files"),
        ("classes", "a folder without files"),
        ("code", "a folder of 2 .py files"),
        ("one.py", "a file .py"),
        ("./none", "a file without an ending"),
    ):
        result = run("train", path)
        first, second, *kinds = result.err.splitlines()
        assert result.code == 1 and second == "It learns from:" and len(kinds) == 11, result.err
        assert first == f"Error: {path}: {seen}: nothing that freedive knows how to learn from"
        assert all(line.startswith("  a") and "..." not in line[-4:] for line in kinds)


@pytest.mark.parametrize("name", embedded.FETCHED)
def test_a_public_set_that_cannot_be_had_says_how_it_can(run, monkeypatch, tmp_path, name):
    def nowhere(*_):
        raise OSError("no network")

    for home in ("CACHE", "KERAS_CACHE"):
        monkeypatch.setattr(public, home, tmp_path / home)
    monkeypatch.setattr(public, "fetch", nowhere)
    result = run("train", name)
    assert result.code == 1 and not result.out and result.err.count("\n") == 1
    assert f"{name}: not found: " in result.err and "no network" in result.err


def test_a_warning_is_one_line(run, zoo, monkeypatch):
    def warned(path):
        warnings.warn("so\nand so", stacklevel=1)
        raise ValueError("no")

    monkeypatch.setattr("freedive.tasks.modelfile.load", warned)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run("summary", "any.safetensors").err == "Warning: so and so\nError: no\n"


def test_help_names_every_data_set_that_can_be_learned():
    argument = inspect.signature(train.train).parameters["data"].annotation.__metadata__[0]
    listed = argument.help.rpartition(": ")[2].rstrip(".").replace(" or ", ", ").split(", ")
    assert listed == list(embedded.RECIPES)


LIGHT = ("__init__", "app", "console", "machine", "options", "train", "tune", "use", "bench", "distill", "federate")


@pytest.mark.parametrize("name", LIGHT)
def test_modules_that_help_needs_import_nothing_slow(name):
    path = Path(freedive.cli.__file__).with_name(f"{name}.py")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            wanted = [node.module] if node.module else [alias.name for alias in node.names]
            assert set(wanted) <= {*LIGHT, "errors"}, f"{name} imports {wanted}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            tops = {n.split(".")[0] for n in names}
            assert tops <= {*sys.stdlib_module_names, "typer"}, f"{name} imports {tops}"


def test_python_m_freedive_runs_the_same_command():
    done = subprocess.run([sys.executable, "-m", "freedive", "trin"], capture_output=True, text=True)
    assert done.returncode == 2 and "No such command 'trin'" in done.stderr


def test_debug_shows_the_traceback(run):
    plain, debug = (run("summary", "none.safetensors", *more) for more in ((), ("--debug",)))
    assert plain.code == debug.code == 1
    assert "Traceback" not in plain.err and "Traceback" in debug.err
    assert debug.err.strip().splitlines()[-1] == plain.err.strip()


def test_a_bug_is_called_one(run, monkeypatch):
    def broken(path):
        raise AttributeError("nothing here")

    monkeypatch.setattr("freedive.tasks.modelfile.load", broken)
    result = run("summary", "any.safetensors")
    assert result.code == 1
    assert "this is a bug of freedive" in result.err and "AttributeError: nothing here" in result.err


def test_ctrl_c_is_told_in_a_line(run, monkeypatch):
    def stopped(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("freedive.tasks.modelfile.load", stopped)
    result = run("summary", "any.safetensors")
    assert result.code == 130 and result.err == "Stopped. Nothing was written.\n"


# lines and tables -----------------------------------------------------------------------------------------------------
def test_tables_are_plain_lines_where_nobody_looks(capsys):
    console.table(("name", "rows"), [("数字", 7), ("a", 12345)], right=("rows",))
    assert capsys.readouterr().out == "name   rows\n数字      7\na     12345\n"


def test_text_from_files_cannot_steer_the_terminal(capsys):
    console.table(("name",), [("\x1b[2Jgone\r\n",)])
    assert capsys.readouterr().out == "name\n[2Jgone\n"


@pytest.mark.parametrize(
    ("terminal", "environment", "painted"),
    [(True, {}, True), (True, {"NO_COLOR": "1"}, False), (True, {"TERM": "dumb"}, False), (False, {}, False)],
)
def test_colours_only_where_they_are_wanted(monkeypatch, terminal, environment, painted):
    class Stream:
        def isatty(self):
            return terminal

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (console.paint("text", "1", Stream()) != "text") == painted


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (FileNotFoundError(2, "no such file", "a.png"), "a.png: no such file"),
        (OSError("odd"), "odd"),
        (ValueError("one\n  two"), "one two"),
        (MemoryError(), "not enough memory"),
        (ValueError(), "ValueError"),
        (ValueError("x" * 3000), "x" * 2000 + " ..."),
    ],
)
def test_errors_are_one_line(raised, text):
    assert console.told(raised) == text


def test_importing_starts_no_device():
    """Children made by fork could deadlock, and every command would wait for it."""
    program = "import freedive; from jax._src import xla_bridge; print(xla_bridge.backends_are_initialized())"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr
