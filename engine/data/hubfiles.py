"""Data sets of the Hugging Face hub: fetched into the library's own cache, and read from it."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import re
import shutil
import socket
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.data.sources import refuse
from engine.declare import did_you_mean
from engine.ops.source_hub import HubDataset
from engine.problem import Fix, Mistake
from engine.progress import BYTES, Headway, Watcher, watcher

HUB = "the Hugging Face hub"
NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
FILE = re.compile(r"hf://datasets/(?P<repo>[^@]+)@(?P<revision>[^/]+)/(?P<path>.+)")
SAID = ("1", "ON", "YES", "TRUE")  # how the library's settings say yes
REACHED_S = 5.0  # within which the hub must answer, else the cache is read
AT_ONCE = 4  # files that are fetched together
PARQUET_COPY = "refs/convert/parquet"  # where the hub keeps a copy of sets that a script of their own reads
MOST_NAMED = 8


def splits_of(source: HubDataset, folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Fetch a data set, unless it is in the cache; returns its splits by their names, and notes.

    Raises Mistake that names the set where it is not to be had, and says what to do.
    """
    name = source.name.strip()
    if not name:
        raise refuse("No data set is named; set name to one of the hub, such as stanfordnlp/imdb.", "name")
    home = _local(name, folder)
    if home is None and not NAME.fullmatch(name):
        raise refuse(f"name is {name!r}; write it as the hub does, owner/name or name.", "name")
    try:
        with _quiet(), _explained(source, name):
            return _read(source, name, home)
    finally:
        watcher()(Headway(""))


def homes_of(source: HubDataset, folder: Path) -> tuple[Path, ...]:
    """The folders where the files of a set may lie: the libraries' caches, and the folder that it names."""
    import datasets  # loaded by now
    from huggingface_hub import constants

    caches = (datasets.config.HF_DATASETS_CACHE, constants.HF_HUB_CACHE)
    home = _local(source.name.strip(), folder)
    return (*map(Path, caches), *([home] if home else []))


def _local(name: str, folder: Path) -> Path | None:
    """The folder that a name is the path of; None for a name of the hub."""
    if not name.startswith(("/", "~", "./", "../")):
        return None
    home = (folder / Path(name).expanduser()).resolve()
    if not home.is_dir():
        raise refuse(
            f"{home} is no folder; choose one that holds the files of a set, or name a set of the hub.", "name"
        )
    return home


def _read(source: HubDataset, name: str, home: Path | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    import datasets  # a second, and a network behind it: only for such a source
    import huggingface_hub

    alone = home is None and (_told_offline() or not _reached(huggingface_hub.constants.ENDPOINT))
    datasets.config.HF_HUB_OFFLINE = huggingface_hub.constants.HF_HUB_OFFLINE = alone
    path = str(home) if home is not None else f"hf://datasets/{name}"  # so spelt, no folder of that name is meant
    builder = datasets.load_dataset_builder(path, source.config or None, revision=source.revision or None)
    if not alone:
        _fetch(builder, name)
    watcher()(Headway(f"Preparing {name}"))
    builder.download_and_prepare()
    splits = builder.as_dataset()
    why = "HF_HUB_OFFLINE is set" if _told_offline() else f"{HUB} was not reached"
    return dict(splits), (f"{name} is read from the cache, for {why}.",) if alone else ()


def _told_offline() -> bool:
    return any(os.environ.get(name, "").upper() in SAID for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"))


def _reached(endpoint: str) -> bool:
    """Whether something listens where the hub should; behind a proxy that is not known before it is asked."""
    if urllib.request.getproxies():
        return True
    found = urlsplit(endpoint)
    address = (found.hostname, found.port or (80 if found.scheme == "http" else 443))
    with contextlib.suppress(OSError), socket.create_connection(address, REACHED_S):
        return True
    return False


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' bars, warnings and prints away: what they have to say is told as ours is."""
    import datasets  # loaded here for the first time
    from huggingface_hub.utils import logging as hub_logging
    from huggingface_hub.utils.tqdm import disable_progress_bars

    datasets.logging.set_verbosity(logging.CRITICAL)
    hub_logging.set_verbosity(logging.CRITICAL)
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        datasets.disable_progress_bars()
        disable_progress_bars()
        yield


# -------------------------------------------------------------------------------------------------------- fetching


def _fetch(builder: Any, name: str) -> None:
    """Fetch the files of a set into the library's cache, where what was cut off goes on from where it was."""
    listed = [str(each) for files in (builder.config.data_files or {}).values() for each in files]
    found = [each for each in map(FILE.fullmatch, listed) if each is not None]
    if not found or Path(builder.cache_dir).is_dir():
        return
    from huggingface_hub import hf_hub_download  # loaded by now

    bar = _bar(watcher(), f"Downloading {name}")

    def fetch(file: re.Match[str]) -> None:
        revision = file["revision"].replace("%2F", "/")
        hf_hub_download(file["repo"], file["path"], repo_type="dataset", revision=revision, tqdm_class=bar)

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for _ in pool.map(fetch, found):
            pass
    finally:
        pool.shutdown(cancel_futures=True)


def _bar(tell: Watcher, what: str) -> type[Any]:
    """A class for the library's progress bars, which adds them up and tells the sum instead of drawing each."""
    from tqdm import tqdm  # a moment that only downloads take

    counts: dict[int, tuple[int, int]] = {}

    class Told(tqdm):  # type: ignore[misc]
        monitor_interval = 0  # else a thread of its own watches over the bars

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": False, "leave": False, "file": io.StringIO()})

        def display(self, *_args: Any, **_kwargs: Any) -> bool:
            counts[id(self)] = (int(self.n), int(self.total or 0))
            done, total = map(sum, zip(*counts.values(), strict=True))
            tell(Headway(what, done, total, BYTES))
            return True

        def clear(self, *_args: Any, **_kwargs: Any) -> None:
            """Nothing was drawn."""

        def close(self) -> None:
            if not self.disable:
                self.display()
            super().close()

    return Told


# -------------------------------------------------------------------------------------------------------- refusing


@contextlib.contextmanager
def _explained(source: HubDataset, name: str) -> Iterator[None]:
    """Turn what the libraries raise into a Mistake; what they do not foresee stays an exception."""
    import datasets  # loaded by now
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except Mistake:
        raise
    except (datasets.exceptions.DatasetsError, HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        raise _mistake(source, name, error) from None
    except Exception as error:  # the network's errors are of a library that the hub's own has changed before
        if not type(error).__module__.startswith("httpx"):
            raise
        words = str(error).rstrip(".") or type(error).__name__
        todo = "try again, and the download goes on where it was"
        raise refuse(f"{name}: the connection to {HUB} broke ({words}); {todo}.", "name") from None


def _mistake(source: HubDataset, name: str, error: Exception) -> Mistake:
    words = str(error).split("\n")[0].strip().rstrip(".")
    causes = list(_causes(error))
    if full := next((each for each in causes if _is_full(each)), None):
        return _no_room(name, full)
    if any(type(each).__name__ == "GatedRepoError" for each in causes) or "gated dataset" in words:
        todo = f"ask for it at https://huggingface.co/datasets/{name}, then log in with `hf auth login` or set HF_TOKEN"
        return refuse(f"{name} is given to those alone who have asked for it: {todo}.", "name")
    if "scripts are no longer supported" in words:
        value = {"path": "data.source.params.revision", "value": PARQUET_COPY}
        fix = Fix("Take the hub's copy in Parquet", "set_setting", value)
        todo = f"choose another set, or the copy that the hub may have of it, with the revision {PARQUET_COPY}"
        return refuse(f"{name} is read by a script of its own, and no code of the hub is run; {todo}.", "name", (fix,))
    if words.startswith("Revision "):
        return refuse(
            f"{name} has no revision {source.revision!r} on {HUB}; leave it empty for the newest.", "revision"
        )
    if "onfig" in words and (configs := _listed(str(error))):
        return _no_config(source, name, configs)
    if isinstance(error, ConnectionError) or any(isinstance(each, ConnectionError) for each in causes):
        return _out_of_reach(name)
    if type(error).__name__ == "DatasetNotFoundError":
        return _unknown(name)
    if type(error).__name__ in ("EmptyDatasetError", "DataFilesNotFoundError"):
        return refuse(f"{name} holds no files that are read as data: {words}; choose another set.", "name")
    deepest = str(causes[-1]).split("\n")[0].strip().rstrip(".")
    said = words if deepest in words else f"{words}: {deepest}"
    return refuse(f"{name} cannot be read: {said}.", "name")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_full(error: BaseException) -> bool:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or "Not enough disk space" in str(error)


def _no_room(name: str, error: BaseException) -> Mistake:
    """The Mistake for a full disk: the folder, what is free there, and what was needed where the library says so."""
    import datasets  # loaded by now

    home = Path(datasets.config.HF_CACHE_HOME).expanduser()
    there = next((each for each in (home, *home.parents) if each.exists()), Path())
    needed = re.search(r"Needed: ([^(]+?) *\(", str(error))
    more = f", and {needed[1].strip()} are needed" if needed else ""
    words = (
        f"{name} does not fit on the disk of {home}, which has {shutil.disk_usage(there).free / 2**30:,.1f} GiB free"
    )
    return refuse(f"{words}{more}; make room, or set HF_HOME to a folder on another disk.", "name")


def _listed(words: str) -> list[str]:
    """The names that an error of the library lists."""
    found = re.search(r"\[([^\]]+)\]", words)
    return re.findall(r"'([^']+)'", found[1]) if found else []


def _no_config(source: HubDataset, name: str, configs: list[str]) -> Mistake:
    known = ", ".join(configs[:MOST_NAMED]) + ", ..." * (len(configs) > MOST_NAMED)
    lead = f"{name} has no config {source.config!r}" if source.config else f"{name} has several configs; set config"
    wanted = did_you_mean(source.config, configs) if source.config else ""
    fixes = tuple(
        Fix(f"Take {each}", "set_setting", {"path": "data.source.params.config", "value": each}) for each in configs[:3]
    )
    return refuse(f"{lead}{wanted}; it has {known}.", "config", fixes)


def _out_of_reach(name: str) -> Mistake:
    import datasets  # loaded by now

    why = f"{HUB} cannot be reached; connect to the network"
    if _told_offline():
        why = f"HF_HUB_OFFLINE keeps from asking {HUB}; unset it"
    words = f"{name} is not in the cache ({datasets.config.HF_DATASETS_CACHE}), and {why}"
    return refuse(f"{words} once, and the set is kept for later.", "name")


def _unknown(name: str) -> Mistake:
    """The Mistake for a name that the hub does not know, with names that it does."""
    from huggingface_hub import HfApi  # loaded by now

    near: list[str] = []
    with contextlib.suppress(Exception):  # whatever the hub says to that, the name is wrong
        near = [each.id for each in HfApi().list_datasets(search=name.rpartition("/")[2], limit=5)]
    hint = f"; it has {', '.join(near)}" if near else ""
    todo = "for a private one, log in with `hf auth login` or set HF_TOKEN"
    fixes = tuple(
        Fix(f"Take {each}", "set_setting", {"path": "data.source.params.name", "value": each}) for each in near[:3]
    )
    return refuse(
        f"{HUB[0].upper()}{HUB[1:]} shows no data set {name!r}{hint}; mend the name, or {todo}.", "name", fixes
    )


def hub_name(text: str) -> str:
    """The name that "hub:owner/name", or the address of a set's page, stands for; "" for other texts."""
    found = re.fullmatch(r"(?:hub:|hf://datasets/|https?:/+huggingface\.co/datasets/)([\w.-]+(?:/[\w.-]+)?)/*", text)
    return found[1] if found else ""
