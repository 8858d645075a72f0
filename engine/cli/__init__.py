"""The command line: one verb a function, on the same files as the studio."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.cli import catalogue, comparing, finding, projects, running, sweeping
from engine.cli.bar import Bar
from engine.problem import Mistake
from engine.progress import watched
from engine.python_code import fault_words
from engine.train.commands import DOES

FAILED, AT_FAULT = 1, 2
DONE = 0

Verb = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run `netloom`; returns the exit status: 0 done, 1 the work failed, 2 the input is at fault."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0] not in VERBS and not arguments[0].startswith("-")):
        return _studio(arguments)
    parsed = _parser().parse_args(arguments)
    try:
        with watched(Bar()):
            status: int = parsed.verb(parsed)
    except Mistake as mistake:
        print(f"netloom: {mistake.message}", file=sys.stderr)
        return AT_FAULT
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return FAILED
    except OSError as error:
        print(f"netloom: {error.filename or 'a file'}: {error.strerror or error}.", file=sys.stderr)
        return FAILED
    except Exception as error:  # code of a Python node may raise anything; the rest are bugs
        if (words := fault_words(error)) is None:
            raise
        print(f"netloom: {words}", file=sys.stderr)
        return FAILED
    return status


def _studio(arguments: list[str]) -> int:
    """Open the window, with a project file where one is named."""
    if len(arguments) > 1 or (arguments and not Path(arguments[0]).exists()):
        known = ", ".join(VERBS)
        print(f"netloom: {arguments[0]!r} is neither a project file nor one of the verbs {known}.", file=sys.stderr)
        return AT_FAULT
    from app.main import main as studio  # only here does the command line need Qt

    return studio(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netloom",
        description="Design, train and export neural networks. Without a verb, or with a project, the studio opens.",
    )
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    for name, (words, add_arguments, verb) in VERBS.items():
        sub = verbs.add_parser(name, help=words, description=words)
        add_arguments(sub)
        sub.set_defaults(verb=verb)
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="override a value of the project, such as training.epochs=5 or nodes.conv2d_1.params.out_channels=64",
    )


def _trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trust", action="store_true", help="trust the code of the Python nodes in it, from now on")


def _new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("template", help="name of a template, see `netloom templates`")
    parser.add_argument("file", type=Path, help="project file to write")


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="project file")
    _settings(parser)
    parser.add_argument("--passes", action="store_true", help="tell what the graph passes do")
    parser.add_argument(
        "--for",
        dest="purpose",
        choices=("training", "inference", "deployment"),
        help="with --passes: what the graph is compiled for (default: training where it has a loss, else inference)",
    )
    parser.add_argument(
        "--size",
        action="append",
        default=[],
        metavar="NAME=SIZE",
        help="what a free size counts as: T=100 for multiply-accumulates and activations, N=64 for the batch",
    )
    _trust(parser)
    _json(parser)


def _train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="project file, or folder of a run to train again in the same way")
    _settings(parser)
    parser.add_argument("--epochs", type=int, help="overrides training.epochs")
    parser.add_argument("--device", help="auto, cpu or cuda; overrides training.device")
    parser.add_argument("--run", type=Path, help="run folder to make (default: runs/NAME-TIME)")
    parser.add_argument(
        "--start-from",
        type=Path,
        metavar="RUN|FILE",
        help="let every node that fits, by its id, begin with the weights of a run or of a safetensors file",
    )
    parser.add_argument("--data-folder", type=Path, help="where relative data paths start (default: the file's folder)")
    parser.add_argument("--watched", action="store_true", help="leave room for a window that watches")
    _trust(parser)
    _json(parser)


def _find(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="project file")
    _settings(parser)
    parser.add_argument("--device", help="auto, cpu or cuda; overrides training.device")
    _trust(parser)
    _json(parser)


def _find_lr(parser: argparse.ArgumentParser) -> None:
    _find(parser)
    parser.add_argument("--optimizer", metavar="NAME", help="whose rate is swept (default: the first optimizer)")


def _resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--epochs", type=_count, metavar="N", help="train N epochs more than it was to train")
    parser.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="go on with this project instead; every node that still fits, by its id, keeps its weights",
    )
    parser.add_argument("--device", help="auto, cpu or cuda")
    parser.add_argument("--watched", action="store_true", help="leave room for a window that watches")
    _trust(parser)
    _json(parser)


def _sweep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="?", help="project file")
    parser.add_argument(
        "--space",
        action="append",
        default=[],
        metavar="PATH=RANGE",
        help="a value to vary, by a path as of --set, and its range: LOW..HIGH with :log, :int, :step=N or :points=N "
        "(of a grid) behind it, or A,B,C (default: the project's own space)",
    )
    parser.add_argument("--trials", type=int, help="trials in all")
    parser.add_argument("--sampler", choices=("TPE", "random", "grid"), help="how values are chosen (default: TPE)")
    parser.add_argument(
        "--pruner", choices=("none", "median", "successive halving", "hyperband"), help="which trials end early"
    )
    parser.add_argument("--jobs", type=int, help="trials that train at the same time (default: 1)")
    parser.add_argument("--minutes", type=float, help="no trial begins after so many minutes")
    parser.add_argument("--metric", help="metric of validation, or loss, that is to be best")
    parser.add_argument("--seed", type=int, help="start of the random choices")
    parser.add_argument("--folder", type=Path, help="folder to make for the sweep (default: sweeps/NAME-TIME)")
    parser.add_argument("--resume", type=Path, metavar="DIR", help="go on with the sweep in this folder")
    parser.add_argument("--data-folder", type=Path, help="where relative data paths start (default: the file's folder)")
    parser.add_argument("--watched", action="store_true", help="leave room for a window that watches")
    _settings(parser)
    _trust(parser)
    _json(parser)


def _count(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def _tell(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument(
        "do",
        choices=[each.replace(" ", "-") for each in DOES],
        help="pause; go-on; stop (after this step) or stop-after-epoch, with a checkpoint; checkpoint: keep one now; "
        "rate VALUE: a learning rate from now on, from which a schedule goes on, scaled; epochs VALUE: add so many",
    )
    parser.add_argument("value", type=float, nargs="?", help="the learning rate, or the number of epochs to add")
    parser.add_argument("--optimizer", metavar="NAME", help="the optimizer whose rate is meant (default: all)")


def _kill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder")


def _evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--split", choices=("train", "validation", "test"), default="test", help="default: test")
    parser.add_argument("--device", help="auto, cpu or cuda")
    _trust(parser)
    _json(parser)


def _predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("input", help="a file of the source's kind, a JSON object {column: value}, or - for JSON lines")
    _trust(parser)
    _json(parser)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="project file or run folder")
    parser.add_argument("--format", required=True, help="spec, python, safetensors, svg or png")
    parser.add_argument("--output", required=True, type=Path, help="file to write")
    _trust(parser)


def _data(parser: argparse.ArgumentParser) -> None:
    what = "project file, any file, folder or archive with data, or hub:OWNER/NAME"
    parser.add_argument("file", type=Path, nargs="?", help=what)
    parser.add_argument("--clear-cache", action="store_true", help="throw away what was unpacked and made ready")
    parser.add_argument("--bench", action="store_true", help="measure how fast the data comes, stage by stage")
    _settings(parser)
    _json(parser)


def _runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs"), help="folder of runs (default: runs)")
    _json(parser)


def _compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", help="run folders, or folders of runs")
    parser.add_argument("--all", action="store_true", help="show what is equal too")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--csv", action="store_true", help="print CSV")
    forms.add_argument("--markdown", action="store_true", help="print a Markdown table")
    forms.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _queue(parser: argparse.ArgumentParser) -> None:
    what = "list what waits, add projects, start the runs one after the other, pause, or remove by number"
    actions = ("list", "add", "start", "pause", "remove")
    parser.add_argument("action", choices=actions, nargs="?", default="list", help=f"{what} (default: list)")
    parser.add_argument("items", nargs="*", metavar="FILE", help="project files to add, or numbers to remove")
    _settings(parser)
    _json(parser)


def _ops(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="one op, optimizer, schedule, initializer, data source or column step")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the whole reference as an HTML page")
    _json(parser)


VERBS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], Verb]] = {
    "new": ("Write a project file from a template.", _new, projects.new),
    "check": ("Check a project: shapes, dtypes, parameters, costs, and every mistake.", _check, projects.check),
    "train": ("Train a project.", _train, running.train),
    "find-lr": ("Sweep the learning rate over a few batches and suggest one.", _find_lr, finding.find_lr),
    "find-batch": ("Try batch sizes until memory runs out, and tell how fast each is.", _find, finding.find_batch),
    "resume": ("Go on with a run that was stopped or cut off.", _resume, running.resume),
    "sweep": ("Train a project many times to find the values that do best.", _sweep, sweeping.sweep),
    "tell": ("Pause, continue, stop or change a run that is at work.", _tell, running.tell),
    "kill": ("End a run at once; what was kept last stays, to go on from.", _kill, running.kill),
    "evaluate": ("Measure a run's best weights on a split of its data.", _evaluate, running.evaluate),
    "predict": ("Ask a trained run about new samples.", _predict, running.predict),
    "export": ("Write a graph or a trained model as files.", _export, projects.export),
    "data": (
        "Show a project's data, or what lies at a path: columns, splits, samples, and what is wrong.",
        _data,
        projects.data,
    ),
    "runs": ("List runs.", _runs, comparing.runs),
    "compare": ("Set runs beside each other: scores, settings and graphs.", _compare, comparing.compare),
    "queue": ("Train several projects, one after the other.", _queue, comparing.queue),
    "ops": ("List all that is declared, describe one of it, or write the reference.", _ops, catalogue.ops),
    "templates": ("List the templates for `netloom new`.", _json, catalogue.templates),
    "devices": ("List the devices that a graph can run on.", _json, catalogue.devices),
}
