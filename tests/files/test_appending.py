"""What is added to a file is there whole or not at all; a folder has one writer."""

import errno
import os
import subprocess
import sys

import pytest

from freedive.files import FileNotWrittenError, FolderInUseError, FolderLock, append_whole, sync_file


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("call", ["open", "fstat", "write"])
def test_a_failure_leaves_the_file_as_it_was(call, code, tmp_path, monkeypatch):
    path = tmp_path / "log.csv"
    path.write_bytes(b"epoch\n")
    real, left = getattr(os, call), [1 if call == "write" else 0]

    def fail(*args, **options):
        if left[0] == 0:
            raise OSError(code, os.strerror(code))
        left[0] -= 1
        return real(args[0], bytes(args[1])[:3])  # a part is written before the disk is full

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(FileNotWrittenError, match="what was in it is untouched") as caught:
        append_whole(path, b"0,0.5\n")
    monkeypatch.undo()
    assert caught.value.errno == code and path.read_bytes() == b"epoch\n"


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:2]))
    append_whole(tmp_path / "a", b"0,0.5\n")
    append_whole(tmp_path / "a", b"1,0.4\n")
    sync_file(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"0,0.5\n1,0.4\n"


HOLDER = """
import sys, time
from freedive.files import FolderLock
lock = FolderLock(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_ends_with_its_process(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(FolderInUseError, match=f"written by process {holder.pid}: wait for it") as caught:
        FolderLock(tmp_path)
    assert caught.value.filename == str(tmp_path)
    holder.kill()
    holder.communicate()
    lock = FolderLock(tmp_path)
    lock.release(remove=True)
    assert os.listdir(tmp_path) == []


def test_a_lock_whose_file_was_removed_is_no_lock(tmp_path):
    first = FolderLock(tmp_path)
    os.unlink(first.path)
    second = FolderLock(tmp_path)  # of a new file of that name
    with pytest.raises(FolderInUseError):
        FolderLock(tmp_path)
    first.release()
    second.release()
