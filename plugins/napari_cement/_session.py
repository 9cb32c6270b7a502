"""One place that runs the planner for a viewer and puts what comes back into it; it knows no widget."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from napari.layers import Layer, Points
from qtpy.QtCore import QObject, Signal

from napari_cement._display import display_of
from napari_cement._layers import origin_of, scan_layers, to_world
from napari_cement._needle_layers import needle_sizes
from napari_cement._plan_layers import plan_layers
from napari_cement._reader import ct_layers, load_plan_folder, load_scans
from napari_cement._work import Work
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import WishesConfig
from planner.errors import CancelledError, GeometryError, InputError, PlannerError, SeriesError
from planner.io import load_scan
from planner.model.labels import LabelMap
from planner.model.needle import Needle
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.model.scan import Scan
from planner.model.volume import Mask
from planner.needles.catalogue import catalogue_of
from planner.progress import Monitor, Progress


class CementSession(QObject):
    """Loads and plans in the background for one viewer. At most one run counts: a newer one makes the older stale.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    config : PlanConfig or None
        The settings; None for the defaults.
    """

    progressed = Signal(object)
    """`Progress` of the run that counts."""
    running = Signal(bool)
    """A run began (True), or the run that counts ended (False)."""
    failed = Signal(str)
    """In the user's words."""
    stopped = Signal()
    loaded = Signal(object)
    """The `Scan` whose layer was added."""
    planned = Signal(object)
    """The `Plan` whose layers were added."""
    judged = Signal(object)
    """The `TrajectoryCheck` of one's own needle."""

    def __init__(self, viewer: Any, config: PlanConfig | None = None) -> None:
        super().__init__()
        self._viewer = viewer
        self._display = display_of(viewer)
        self._config = config or PlanConfig()
        self._case: Any = None
        self._scan: Scan | None = None
        self._judging = False
        self._run = 0
        self._work: Work[Any] | None = None
        self._take: Callable[[Any], None] = lambda result: None

    @property
    def is_running(self) -> bool:
        """Whether a run that counts is under way."""
        return self._work is not None

    @property
    def wishes(self) -> WishesConfig:
        """The operator's wishes, as the next plan and the next judgement take them."""
        return self._config.needles.wishes

    @property
    def catalogue(self) -> Mapping[str, Needle]:
        """The needles that can be had, by their names in the settings."""
        return catalogue_of(self._config.needles.catalogue)

    def set_wishes(self, wishes: WishesConfig) -> None:
        """Take other wishes.

        Parameters
        ----------
        wishes : WishesConfig
            The wishes.
        """
        needles = self._config.needles.model_copy(update={"wishes": wishes})
        self._config = self._config.model_copy(update={"needles": needles})

    @property
    def planned_scan(self) -> Scan | None:
        """The CT that the shown plan lies over; None without a plan, or where only its folder is there."""
        return self._scan

    @property
    def can_judge(self) -> bool:
        """Whether a needle can be judged: a plan was made here, and nothing else is under way."""
        return self._case is not None and (self._work is None or self._judging)

    def load(self, path: Path, *, then_plan: bool = False) -> None:
        """Load a CT in the background and show it; hidden beside it, the same with metal artefact reduction.

        Parameters
        ----------
        path : Path
            Anything that `planner.io.load_scan` takes.
        then_plan : bool
            Whether it is planned on when it is there.
        """
        series = self._config.series_instance_uid

        def take(scans: tuple[Scan, Scan | None]) -> None:
            scan = scans[0]
            self._add(ct_layers(*scans, name=f"CT {path.name}"))
            self.loaded.emit(scan)
            if then_plan:
                self.plan(scan)

        self._start(lambda monitor: load_scans(path, series=series, monitor=monitor), take)

    def load_plan(self, folder: Path, *, ct: Path | None = None) -> None:
        """Load a plan's folder in the background and show it.

        Parameters
        ----------
        folder : Path
            What ``cement-planner plan`` made.
        ct : Path or None
            The CT that it was made on, to lie below; None shows the bone of the plan's labels.
        """

        def work(monitor: Monitor) -> tuple[Plan, LabelMap | None, Scan | None]:
            plan, labels = load_plan_folder(folder)
            if ct is None:
                return plan, labels, None
            try:
                assumed = any(finding.code == "hu-assumed" for finding in plan.findings)
                scan = load_scan(ct, series_instance_uid=plan.series.name, assume_hu=assumed, monitor=monitor)
                if labels is not None:
                    own = scan.own_slices.grid
                    # Labels lie on the file's own slices; where these lie on no grid, on the one that was planned on.
                    (own or scan.in_patient_axes().volume.grid).require_same(labels.grid)
            except (SeriesError, GeometryError) as error:
                raise InputError(f"{ct.name} is not the CT that this plan was made from; give that one") from error
            return plan, labels, scan

        def take(result: tuple[Plan, LabelMap | None, Scan | None]) -> None:
            plan, labels, scan = result
            if scan is not None:
                self._add(scan_layers(scan, name=f"CT {ct.name if ct else ''}"))
                self.loaded.emit(scan)
            self._case, self._scan = None, scan
            self._show(plan, labels, with_bone=scan is None)

        self._start(work, take)

    def plan(self, scan: Scan) -> None:
        """Plan on a CT in the background and lay the plan over it.

        Parameters
        ----------
        scan : Scan
            The CT.
        """

        def work(monitor: Monitor) -> Any:
            # Loading the pipeline takes seconds: not while the window opens.
            from planner import pipeline

            return pipeline.plan_scan(scan, self._config, monitor=monitor)

        def take(case: Any) -> None:
            self._case, self._scan = case, scan
            unreadable = None if case.trust is None else case.trust.unreadable
            self._show(case.plan, case.labels, with_bone=False, unreadable=unreadable)

        self._start(work, take)

    def judge(self, entry_lps: PointLps, target_lps: PointLps, *, gauge: str) -> None:
        """Judge one's own needle in the background; one that is still being judged is dropped.

        Parameters
        ----------
        entry_lps, target_lps : tuple of float
            A point of it outside of the bone, and its tip, LPS mm.
        gauge : str
            A name of the needle catalogue.

        Notes
        -----
        Does nothing unless `can_judge`.
        """
        if not self.can_judge:
            return
        case, config = self._case, self._config

        def work(monitor: Monitor) -> Any:
            from planner import pipeline

            return pipeline.check_trajectory(
                case, entry_lps=entry_lps, target_lps=target_lps, gauge=gauge, config=config
            )

        self._start(work, self.judged.emit, judging=True)

    def cancel(self) -> None:
        """Stop the run that counts: its result is dropped even where it comes too late to be stopped."""
        if self._work is None:
            return
        self._work.quit()
        self._end()
        self.stopped.emit()

    def fly_to(self, point_lps: PointLps, *, trajectory_id: str | None = None) -> None:
        """Bring a place into view.

        Parameters
        ----------
        point_lps : PointLps
            Where.
        trajectory_id : str or None
            The needle to show; None shows the first of each gap.
        """
        self._display.fly_to(to_world(point_lps))
        for layer in self._viewer.layers:
            is_dots = isinstance(layer, Points) and origin_of(layer) is not None
            if is_dots and {"trajectory", "rank"} <= set(layer.features):
                layer.size = needle_sizes(layer.features, trajectory_id)

    def _start(self, function: Callable[[Monitor], Any], take: Callable[[Any], None], *, judging: bool = False) -> None:
        if self._work is not None:
            self._work.quit()
        self._run += 1
        self._judging = judging
        self._take = take
        work: Work[Any] = Work(self._run, function)
        work.signals.progressed.connect(self._on_progressed)
        work.signals.done.connect(self._on_done)
        work.signals.failed.connect(self._on_failed)
        self._work = work
        self.running.emit(True)
        work.start()

    def _end(self) -> None:
        self._work = None
        self._run += 1
        self.running.emit(False)

    def _on_progressed(self, run: int, progress: Progress) -> None:
        if run == self._run:
            self.progressed.emit(progress)

    def _on_done(self, run: int, result: Any) -> None:
        if run != self._run:
            return
        take = self._take
        self._end()
        try:
            take(result)
        except PlannerError as error:
            self.failed.emit(str(error))

    def _on_failed(self, run: int, error: Exception) -> None:
        if run != self._run:
            return
        self._end()
        if isinstance(error, CancelledError):
            self.stopped.emit()
        elif isinstance(error, PlannerError):
            self.failed.emit(str(error))
        else:
            self.failed.emit(f"a fault of the program stopped the run ({type(error).__name__}); nothing was changed")
            raise error  # napari shows its traceback to whoever wants to report it

    def _show(self, plan: Plan, labels: LabelMap | None, *, with_bone: bool, unreadable: Mask | None = None) -> None:
        older = [layer for layer in self._viewer.layers if (origin := origin_of(layer)) and origin.plan is not None]
        for layer in older:
            self._viewer.layers.remove(layer)
        self._add(plan_layers(plan, labels, with_bone=with_bone, unreadable=unreadable))
        self.planned.emit(plan)

    def _add(self, layers: list[tuple[Any, dict[str, Any], str]]) -> None:
        for data, arguments, kind in layers:
            layer = self._viewer.add_layer(Layer.create(data, arguments, kind))
            # A plan that was dragged or painted on would no longer be what was measured.
            layer.editable = False
        images = [layer for layer in self._viewer.layers if (origin := origin_of(layer)) and origin.scan is not None]
        if images:
            # The status bar then tells the HU below the cursor.
            self._viewer.layers.selection.active = images[-1]
