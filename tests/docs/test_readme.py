"""The READMEs: their programs run, their commands are what CI runs, and what they point at is there."""

import contextlib
import io
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = ["README.md", "README.zh.md"]


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / name).read_text("utf-8"), re.DOTALL | re.MULTILINE)


PAGES = [
    "README.md",
    *(f"docs/{page}.md" for page in ("index", "methods", "generative", "transfer", "private", "federated", "speech")),
]


@pytest.mark.parametrize("page", PAGES)
def test_the_programs_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for number, block in enumerate(blocks(page, "python")):
            exec(compile(block, f"{page}, block {number + 1}", "exec"), names)


def test_both_readmes_have_the_same_programs_and_commands():
    def code(name, language):
        return [re.sub(r"\s*#.*", "", block) for block in blocks(name, language)]

    for language in ("python", "sh"):
        assert code("README.zh.md", language) == code("README.md", language)


@pytest.mark.parametrize("name", READMES)
def test_the_two_commands_are_one_line_each(name):
    use, test = blocks(name, "sh")[:2]
    assert use.count("\n") == test.count("\n") == 1
    assert [words[:2] for words in commands(use)] == [
        ["python3", "-m"],
        [".", ".venv/bin/activate"],
        ["pip", "install"],
        ["freedive", "train"],
    ]
    assert [words[0] for words in commands(test)] == ["pip", "pytest"]


def commands(line: str) -> list[list[str]]:
    return [shlex.split(part) for part in line.split("&&")]


def test_ci_runs_the_commands_of_the_readme():
    """It reads them from the page: what it would run is what stands there."""
    told = subprocess.run([ROOT / ".ci/run", "--commands"], capture_output=True, text=True, check=True).stdout
    assert told == "".join(blocks("README.md", "sh")[:2])


@pytest.mark.parametrize("name", READMES)
def test_what_shows_a_claim_is_there(name):
    for line in blocks(name, "sh")[2:]:
        program, *words = shlex.split(line)
        assert program == "pytest"
        paths = [ROOT / word for word in words if word.startswith("tests/")]
        assert paths and all(path.exists() for path in paths), line
        if "-k" in words:
            found = " ".join(path.read_text() for path in paths)
            for wanted in words[words.index("-k") + 1].split(" or "):
                assert re.search(rf"def test_\w*{wanted}\w*\(", found), f"{line}: no test of {wanted}"


@pytest.mark.parametrize(
    "page", sorted(p.relative_to(ROOT).as_posix() for p in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
)
def test_links_between_pages_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        generated = "docs" in page and target.startswith("api/")
        assert target.startswith("https://") or generated or (ROOT / page).parent.joinpath(target).exists(), target
