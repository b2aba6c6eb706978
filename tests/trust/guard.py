"""Loads files in a process that watches itself: what was run, opened or connected to, how long it took, what it used.

python guard.py FOLDER   one line of JSON for every file of the folder
"""

import contextlib
import json
import os
import resource
import signal
import sys
import time
import warnings

ROOM = 256 * 2**20  # what a file may take beside what the process has
SECONDS = 5.0  # of computing
FORBIDDEN = (
    *("exec", "compile", "import", "marshal.loads", "pickle.find_class", "ctypes.dlopen", "code.__new__"),
    *("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "subprocess.Popen"),
    *("socket.__new__", "socket.connect", "socket.getaddrinfo", "urllib.Request", "webbrowser.open"),
    *("os.remove", "os.rename", "os.mkdir", "os.symlink", "os.link", "shutil.rmtree", "os.putenv"),
)
watch = {"file": None, "events": [], "sources": set()}


def audit(event, arguments):
    """Note what a file must not cause."""
    if watch["file"] is None:
        return
    if event == "open":
        path = str(arguments[0])
        if path != watch["file"] and path not in watch["sources"]:
            watch["events"].append(f"open {arguments[0]!r}")
    elif event in FORBIDDEN:
        watch["events"].append(f"{event} {arguments!r:.80}")


def too_long(*_):
    raise TimeoutError(f"more than {SECONDS} seconds")


def memory():
    """Bytes of the whole address space, and the most that ever was resident."""
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    return pages * resource.getpagesize(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def load(fd, path):
    """(the code, the text) of what comes of a file."""
    try:
        (fd.tasks.base.loaded if path.endswith("-task") else fd.models.load_model)(path)
    except fd.ModelFileError as error:
        return error.code, str(error)
    except FileNotFoundError as error:
        return "missing", str(error)
    except BaseException as error:
        return type(error).__name__, str(error)
    return "loaded", ""


def main(folder):
    import freedive as fd
    from freedive.config import Family, field_converters

    with contextlib.suppress(ImportError):  # a class of our own imports it when it is first used
        import tokenizers  # noqa: F401

    warnings.simplefilter("ignore")
    Family.complete()
    for cls in {m for family in Family.families.values() for m in family.members.values() if isinstance(m, type)}:
        field_converters(cls)  # reads the annotations of our own classes, which Python evaluates
    files = sorted(os.path.join(folder, name) for name in os.listdir(folder))
    for path in [f for f in files if "valid" in f]:  # what is imported and traced at first is no work of the others
        load(fd, path)
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    watch["sources"] = {file for file in modules if file}  # opened to show where an error came from
    sys.addaudithook(audit)
    signal.signal(signal.SIGPROF, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (memory()[0] + ROOM,) * 2)
    for path in files:
        before, began = memory()[1], time.process_time()
        watch.update(file=path, events=[])
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        code, text = load(fd, path)
        signal.setitimer(signal.ITIMER_PROF, 0)
        watch["file"] = None
        found = {
            "file": os.path.basename(path),
            "code": code,
            "text": text,
            "seconds": time.process_time() - began,
            "memory": memory()[1] - before,
            "events": watch["events"],
        }
        print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
