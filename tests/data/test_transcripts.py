"""Sounds and what is said in them: tables and texts beside files; what is missing is named."""

import pytest

from freedive.data import DataFileError, list_transcripts

WAVS = (".wav",)


def written(folder, **files):
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


TABLES = {
    "transcripts.csv": 'file,transcript\na.wav,one\nb.wav,"two, three"\n',
    "metadata.tsv": "id\ttext\tpath\n7\tone\ta.wav\n8\ttwo, three\tb.wav\n",
    "labels.txt": "audio|sentence\na.wav|one\nb.wav|two, three\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path, name):
    (written(tmp_path, a_wav="", b_wav="") / name).write_text(TABLES[name])
    files, texts = list_transcripts(tmp_path, WAVS)
    assert files == [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")] and texts == ["one", "two, three"]


def test_texts_beside_files(tmp_path):
    written(tmp_path, b_wav="", a_wav="", a_txt="one\n two ", b_txt="three", notes_txt="nothing")
    assert list_transcripts(tmp_path, WAVS) == (
        [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")],
        ["one two", "three"],
    )


def test_other_folders_have_none(tmp_path):
    assert list_transcripts(tmp_path, WAVS) is None
    assert list_transcripts(written(tmp_path, a_wav="", notes_txt="x"), WAVS) is None


WRONG = {
    "no column": (
        {"transcripts_csv": "name,words\na.wav,one\n"},
        "columns are name, words. Expected a column file",
    ),
    "short line": ({"transcripts_csv": "file,text\na.wav\n"}, "line 2: 1 cells, expected 2"),
    "no such file": ({"transcripts_csv": "file,text\nb.wav,one\n"}, "line 2: there is no .*b.wav"),
    "no such files": (
        {"transcripts_csv": "file,text\nb.wav,one\na.wav,x\nc.wav,one\n"},
        "2: .* 2 of 3 in all: b.wav, c.wav",
    ),
    "sounds without text": ({"b_wav": "", "c_wav": "", "a_txt": "one"}, r"b\.wav: .* 2 of 3 in all: b\.wav, c\.wav"),
    "no rows": ({"transcripts_csv": "file,text\n"}, "no rows"),
    "empty": ({"transcripts_csv": ""}, "its columns are"),
    "a sound without text": ({"b_wav": "", "a_txt": "one"}, r"b\.wav: a sound without its text"),
    "outside": ({"transcripts_csv": "file,text\n../a.wav,one\n"}, "there is no|leads out"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_missing_is_named(tmp_path, case):
    files, text = WRONG[case]
    (tmp_path / "in").mkdir()
    (tmp_path / "a.wav").write_text("")
    written(tmp_path / "in", a_wav="", **files)
    with pytest.raises(DataFileError, match=text):
        list_transcripts(tmp_path / "in", WAVS)
