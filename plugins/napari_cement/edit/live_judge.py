"""Judges a needle while it is moved: in the background, the newest place first, and no queue."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cement._focus import Focus, Shown
from napari_cement._work import LONGEST_WAIT_S, Work
from planner.config.plan_config import PlanConfig
from planner.errors import PlannerError
from planner.model.record import PointLps


@dataclass(frozen=True, slots=True)
class Question:
    """One needle at one place.

    Parameters
    ----------
    entry_lps, tip_lps : PointLps
        Its ends, LPS mm.
    gauge : str
        A name of the catalogue.
    """

    entry_lps: PointLps
    tip_lps: PointLps
    gauge: str


class LiveJudge(QObject):
    """Answers the newest question about the shown case; those that came between are never asked.

    Parameters
    ----------
    focus : Focus
        Tells which case is shown.
    config : callable
        Gives the settings as they are now, the operator's wishes among them.

    Notes
    -----
    What a case is judged by (a second or more) is measured as soon as the case is shown, and anew when what must not be
    crossed changes. It is measured and asked in one thread at a time.
    """

    judged = Signal(object, object)
    """`Question` and `LiveVerdict`; of the case and the settings as they are now."""
    failed = Signal(object, str)
    """`Question`, and why nothing can be said of it, in the user's words."""
    readyChanged = Signal()

    def __init__(self, focus: Focus, config: Callable[[], PlanConfig]) -> None:
        super().__init__()
        self._focus, self._config = focus, config
        self._live: Any = None
        self._why: str | None = None
        self._about: tuple[Any, PlanConfig] | None = None
        self._asked: Question | None = None
        self._under_way: Question | None = None
        self._run = 0
        self._is_over = False
        self._work: Work[Any] | None = None
        focus.shownChanged.connect(self.prepare)
        focus.reviewChanged.connect(self._on_review)
        self.prepare()

    @property
    def has_case(self) -> bool:
        """Whether there is a case with its voxels to judge by."""
        return self._focus.shown.case is not None

    @property
    def is_ready(self) -> bool:
        """Whether questions are answered at once."""
        return self._live is not None

    def prepare(self) -> None:
        """Measure what needles of the shown case are judged by, where that is not there yet."""
        case = self._focus.shown.case
        about = None if case is None else (case, _without_goals(self._config()))
        if _is_same(about, self._about):
            return
        self._about = about
        self._forget()
        if about is not None:
            self._next()

    def _on_review(self, before: Shown) -> None:
        """Keep what was measured: a review moves no voxel."""
        if self._about is not None and self._about[0] is before.case:
            self._about = (self._focus.shown.case, self._about[1])

    def ask(self, question: Question) -> None:
        """Have a needle judged; what was asked before and not begun is dropped."""
        self.prepare()
        self._asked = question
        self._next()

    def drop(self) -> None:
        """Drop what was asked: the needle has gone."""
        self._asked = None
        self._under_way = None

    def shut_down(self) -> None:
        """Begin nothing more, tell nothing more, and wait for what runs: the window closes."""
        self._is_over = True
        self._run += 1
        if self._work is not None:
            self._work.wait(LONGEST_WAIT_S)

    def _forget(self) -> None:
        self._live, self._why, self._under_way = None, None, None
        if self._work is not None:
            # It cannot be stopped half way; what it gives is dropped.
            self._run += 1
        self.readyChanged.emit()

    def _next(self) -> None:
        if self._is_over or self._work is not None or self._about is None:
            return
        if self._live is None and self._why is None:
            case, config = self._about
            self._start(lambda monitor: _live_needle(case, config), self._on_made, self._on_not_made)
        elif self._asked is not None:
            question, self._asked = self._asked, None
            if self._why is not None:
                self.failed.emit(question, self._why)
                return
            live = self._live
            wished = tuple((target.point_lps, target.radius_mm) for target in self._config().needles.wishes.targets)
            self._under_way = question

            def judge(monitor: Any) -> Any:
                return live.judge(question.entry_lps, question.tip_lps, gauge=question.gauge, wished=wished)

            self._start(judge, self._on_judged, self._on_not_judged)

    def _start(
        self, function: Callable[[Any], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        self._run += 1
        run = self._run
        work: Work[Any] = Work(run, function)
        self._work = work
        self._done, self._failed = done, failed
        work.signals.done.connect(self._on_done)
        work.signals.failed.connect(self._on_failed)
        work.start()

    def _on_done(self, run: int, result: Any) -> None:
        self._work = None
        if run == self._run:
            self._done(result)
        self._next()

    def _on_failed(self, run: int, error: Exception) -> None:
        self._work = None
        if run == self._run:
            self._failed(error)
        self._next()

    def _on_made(self, live: Any) -> None:
        self._live = live
        self.readyChanged.emit()

    def _on_not_made(self, error: Exception) -> None:
        self._why = _words(error)

    def _on_judged(self, verdict: Any) -> None:
        question, self._under_way = self._under_way, None
        if question is not None:
            self.judged.emit(question, verdict)

    def _on_not_judged(self, error: Exception) -> None:
        question, self._under_way = self._under_way, None
        if question is not None:
            self.failed.emit(question, _words(error))


def _live_needle(case: Any, config: PlanConfig) -> Any:
    # Loading the pipeline takes seconds: not while the window opens.
    from planner.station import live_needle

    return live_needle.LiveNeedle(case, config)


def _without_goals(config: PlanConfig) -> PlanConfig:
    """Leave out the wishes that change nothing of what a needle is judged by: targets, and needles that stay."""
    wishes = config.needles.wishes.model_copy(update={"targets": (), "locked": ()})
    return config.model_copy(update={"needles": config.needles.model_copy(update={"wishes": wishes})})


def _is_same(one: tuple[Any, PlanConfig] | None, other: tuple[Any, PlanConfig] | None) -> bool:
    if one is None or other is None:
        return one is other
    return one[0] is other[0] and one[1] == other[1]


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, PlannerError) else f"a fault of the program ({type(error).__name__})"
