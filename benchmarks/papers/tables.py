"""Tables of the papers' figures and ours, side by side, one for each paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from _table import percent
from details import confident_mistakes, each_class
from judging import DEFAULT, Answer, Judge, Question
from trained import finished, pretext

from musicfeat_trainer.evaluate.downstream import Lead
from musicfeat_trainer.evaluate.fitting import Fitting

Rows = Iterator[list[str]]
NOTES, ESC, MUSIC, ASAP = (f"$MUSICFEAT_DATA/{name}" for name in ("notes", "esc10", "music", "asap"))
FONT = 'font="/usr/share/sounds/sf2/FluidR3_GM.sf2"'
FEW = "10%x10"
"""Tenth of the labels, drawn ten times: one draw moves figures by more than most trainings do."""
LONGER = ("task=key", "seconds=30.0", "clips_per_performance=2")
"""Settings for longer stretches of performances, with neighbouring clips."""
PIANO_TASKS = (
    ("composer", "full", "accuracy"), ("key", "full", "accuracy"), ("tempo", "full", "within_8_percent"),
    ("tempo", "full", "r2"), ("note_density", "full", "r2"), ("note_density", FEW, "r2"),
)  # fmt: skip
"""Task, labels and figure; where each clip has one class, accuracy is the paper's micro F1."""
TWO_LAYERS = Fitting(hidden=(128, 128))
"""Probe of Gururani et al."""
BRIEF = Fitting(epochs=4, batch=16)
"""Settings for fine-tuning within minutes."""
THIRTY = Fitting(epochs=30, batch=16)
"""Fine-tuning for as many epochs as Lin (2022) allows."""
SIAMUSIC_LAYERS = Fitting(hidden=(1024, 512, 128))
"""Probe of Siamusic's public code."""
NYU_JUDGED = ("time_reversal/10s", "jigsaw/resnet18-3s")
"""Systems of the NYU paper that are judged downstream."""
PRETRAINED_RANDOM = [
    "task", "labels", "how", "pretrained (95 %)", "random weights (95 %)", "lead (95 %)", "P", "chance", "pretext"
]  # fmt: skip


def alike(folder: Path, paper: str) -> list[tuple[str, Judge]]:
    """Recipe and judge of each trained system of a paper whose networks are alike: one random network serves all."""
    judges: list[tuple[str, Judge]] = []
    for recipe, run in finished(folder, paper):
        judges.append((recipe, Judge(run, judges[0][1] if judges else None)))
    return judges


def compared(run: Path, questions: list[tuple[str, str, Question]]) -> Rows:
    """A row per question (task, figure): trained, random weights, the lead and its P value, chance, pretext."""
    judge = Judge(run)
    for task, figure, question in questions:
        yield [task, question.budget, question.way, *beside_random(judge, question, figure), pretext(run)[0]]


def beside_random(judge: Judge, question: Question, figure: str) -> list[str]:
    """Figure of a trained network and of a random one, the lead and its P value, and chance."""
    ours, random = judge.answer(question), judge.answer(question, random=True)
    values = [shown(answer, figure) for answer in (ours, random)]
    return [*values, *ahead(judge.lead(question)), percent(ours["chance"][figure])]


def ahead(lead: Lead) -> list[str]:
    """A lead in percentage points with its 95 % interval, and its P value."""
    value, low, high = (f"{100 * number:+.1f}" for number in (lead.value, *lead.interval))
    return [f"{value} ({low} to {high})", f"{lead.p:.3f}"]


def shown(answer: Answer, figure: str, scale: float = 100, digits: int = 1, unit: str = " %") -> str:
    """A figure with its 95 % interval, if it has one; in percent unless told otherwise."""
    numbers = (answer["figures"][figure], *answer["interval"].get(figure, ()))
    value, *bounds = (f"{scale * number:.{digits}f}" for number in numbers)
    return value + unit + (f" ({bounds[0]} to {bounds[1]})" if bounds else "")


def nyu_pretext(folder: Path) -> tuple[list[str], Rows]:
    """Table 1: accuracy of the pretext tasks."""
    published = {
        "time_reversal/5s": 94.54, "time_reversal/10s": 96.33, "jigsaw/convnet-1s": 50.23, "jigsaw/convnet-3s": 51.27,
        "jigsaw/convnet_ext-1s": 63.63, "jigsaw/convnet_ext-3s": 88.69, "jigsaw/resnet18-1s": 81.26,
        "jigsaw/resnet18-3s": 82.15,
    }  # fmt: skip

    def rows() -> Rows:
        for recipe, run in finished(folder, "nyu"):
            yield [recipe, f"{published[recipe]} %", *pretext(run)]

    return ["recipe", "paper (106k tracks)", "ours (7 h of music, minutes)", "chance"], rows()


def nyu_downstream(folder: Path) -> tuple[list[str], Rows]:
    """Table 2 and figures 5 and 6: instruments with few and many labels, frozen and fine-tuned, and random weights."""
    questions = [
        *(("instrument of a note", "accuracy", Question("notes", NOTES, "probe", b)) for b in ("10", "full")),
        *(
            ("instrument of a note", "accuracy", Question("notes", NOTES, "finetune", b, fitting=BRIEF))
            for b in ("10",)
        ),
        *(("ESC-10", "accuracy", Question("esc10", ESC, "probe", b)) for b in ("10", "full")),
    ]

    def rows() -> Rows:
        for recipe, run in downstream_runs(folder, "nyu"):
            yield from ([recipe, *row] for row in compared(run, questions))

    return ["recipe", *PRETRAINED_RANDOM], rows()


def clmr(folder: Path) -> tuple[list[str], Rows]:
    """Experiments 1 and 3: a linear probe with all labels and with few."""
    questions = [
        *(("instrument of a note", "accuracy", Question("notes", NOTES, "probe", b)) for b in (FEW, "full")),
        *(("ESC-10", "accuracy", Question("esc10", ESC, "probe", b)) for b in (FEW, "full")),
    ]

    def rows() -> Rows:
        for recipe, run in finished(folder, "clmr"):
            yield from ([recipe, *row] for row in compared(run, questions))

    return ["recipe", *PRETRAINED_RANDOM], rows()


def berkeley(folder: Path) -> tuple[list[str], Rows]:
    """Table 3.1, on ESC-10 instead of ESC-50: fine-tuned, frozen, neighbours, and from scratch."""
    published = {
        "moco/v1": {"finetune": "74.2 %", "probe": "59.5 %", "knn": "46.8 %"},
        "npid": {"finetune": "64.2 %", "probe": "49.3 %", "knn": "36.9 %"},
    }

    def rows() -> Rows:
        judges = alike(folder, "berkeley")
        for way, budget in (("finetune", "full"), ("probe", "full"), ("knn", "full"), ("probe", FEW)):
            question = Question("esc10", ESC, way, budget, fitting=THIRTY if way == "finetune" else DEFAULT)
            for recipe, judge in judges:
                paper = published[recipe][way] if budget == "full" else ""
                yield [recipe, way, budget, paper, *beside_random(judge, question, "accuracy"), pretext(judge.run)[0]]

    return ["recipe", "how", "labels", "paper (ESC-50, ResNet50)", *PRETRAINED_RANDOM[3:]], rows()


def siamusic(folder: Path) -> tuple[list[str], Rows]:
    """Table 2: image against audio augmentation; the source of 30 s of a track serves as its genre, in five folds.

    Instruments of notes are asked for beside it: the paper has no such task.
    """
    published = {"siamusic/resnet50-audio-small": "25.3 %", "siamusic/resnet50-image-small": "26.2 %"}
    sources = Question("class_folders", MUSIC, "probe", settings=("table=tracks.csv", "folds=5", "seconds=30"))
    questions = (
        ("source of a track", "linear", sources),
        ("source of a track", "1024, 512, 128", replace(sources, fitting=SIAMUSIC_LAYERS)),
        ("instrument of a note", "linear", Question("notes", NOTES, "probe")),
        *(
            (f"instrument of a note, {few} labels", "linear", Question("notes", NOTES, "probe", few))
            for few in (FEW, "20%x10")
        ),
    )

    def rows() -> Rows:
        judges = alike(folder, "siamusic")
        for task, layers, question in questions:
            for recipe, judge in judges:
                paper = published[recipe] if question.name == sources.name else ""
                values = beside_random(judge, question, "accuracy")
                yield [recipe, task, layers, paper, *values, pretext(judge.run)[0]]
            if len(judges) > 1:
                (_, audio), (_, image) = judges
                over = image.lead_over(audio, question)
                published_lead = "+0.9" if question.name == sources.name else ""
                yield ["image over audio", task, layers, published_lead, "", "", *ahead(over), "", ""]

    return ["recipe", "task", "layers of the probe", "paper (genre, ResNet50)", *PRETRAINED_RANDOM[3:]], rows()


def gururani(folder: Path) -> tuple[list[str], Rows]:
    """Table 1: neighbours, composer, key, tempo, note density, by networks with two hidden layers."""
    ranks = Question("asap", ASAP, "rank", settings=(*LONGER, FONT))
    asked = [(ranks, "rank_am", 2), (ranks, "rank_gm", 2)]
    for task, budget, figure in PIANO_TASKS:
        asked.append((Question("asap", ASAP, "probe", budget, (f"task={task}", FONT), TWO_LAYERS), figure, 3))

    def rows() -> Rows:
        chance = list[str]()
        for recipe, run in finished(folder, "gururani"):
            judge = Judge(run)
            for random in (False, True):
                answers = [(judge.answer(question, random=random), *form) for question, *form in asked]
                cells = [shown(answer, figure, 1, digits, "") for answer, figure, digits in answers]
                chance = [f"{answer['chance'][figure]:.{digits}f}" for answer, figure, digits in answers]
                yield [recipe, "random" if random else "pretrained", *cells, *_lead(judge, asked[-1][0], random)]
        yield ["chance", "", *chance, "", ""]

    tasks = (f"{task}, {figure}, {budget} labels" for task, budget, figure in PIANO_TASKS)
    return ["recipe", "weights", "rank@100 AM", "GM", *tasks, "lead in the last (95 %)", "P"], rows()


def _lead(judge: Judge, question: Question, random: bool) -> list[str]:
    if random:
        return ["", ""]
    value, bounds, p = judge.lead(question)
    return ["{:+.3f} ({:+.3f} to {:+.3f})".format(value, *bounds), f"{p:.3f}"]


Table = Callable[[Path], tuple[list[str], Rows]]
"""Function from the folder of all runs to a header and its rows."""


def classes(paper: str, name: str) -> Table:
    """Table of F1 of each class of a data set, as a linear probe with all labels tells them."""
    return lambda folder: each_class(downstream_runs(folder, paper), name, "probe", "full")


def errors(paper: str) -> Table:
    """Table of the clips that pretext tasks are most confidently wrong about (Addepalli et al., 2019, 7.3.1)."""
    return lambda folder: confident_mistakes(downstream_runs(folder, paper))


def downstream_runs(folder: Path, paper: str) -> list[tuple[str, Path]]:
    """Recipe and run of a paper's systems that are judged downstream."""
    return [(recipe, run) for recipe, run in finished(folder, paper) if paper != "nyu" or recipe in NYU_JUDGED]


TABLES: dict[str, tuple[tuple[str, Table], ...]] = {
    "nyu": (
        ("Self-supervised machine listening: pretext tasks", nyu_pretext),
        ("the same, downstream", nyu_downstream),
        ("the same, F1 of each instrument of notes", classes("nyu", "notes")),
        ("the same, most confident mistakes", errors("nyu")),
    ),
    "clmr": (("CLMR and CPC", clmr), ("the same, F1 of each instrument of notes", classes("clmr", "notes"))),
    "berkeley": (("MoCo and NPID", berkeley), ("the same, F1 of each kind of sound", classes("berkeley", "esc10"))),
    "siamusic": (("Siamusic", siamusic),),
    "gururani": (("Music input domains", gururani),),
}
