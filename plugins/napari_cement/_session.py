"""One place that runs the planner for a viewer and puts what comes back into it; it knows no widget."""

import weakref
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal

from napari_cement._at_once import at_once
from napari_cement._background import is_own_ct, make_plan, read_plan
from napari_cement._closing import when_closing
from napari_cement._display import display_of
from napari_cement._editors import editors_of
from napari_cement._focus import Shown, focus_of, is_same_but_for_review
from napari_cement._layers import ct_layers, of_plan, origin_of, to_world
from napari_cement._one_ct import OneCt, look_anew, look_at_ct
from napari_cement._per_viewer import PerViewer
from napari_cement._runs import Runs
from napari_cement.drawn.plan_scene import PlanScene
from napari_cement.drawn.ready_layers import ready_layers
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import WishesConfig
from planner.io.labels.gap_labels import GapLabels
from planner.model.needle import Needle
from planner.model.record import PointLps
from planner.model.scan import Scan
from planner.model.volume import Mask
from planner.needles.catalogue import catalogue_of
from planner.progress import Monitor
from planner.station.keeping.scene_file import Scene
from planner.station.keeping.shown_scans import load_scans
from planner.station.wished import with_wishes

_sessions: "PerViewer[CementSession]" = PerViewer()


def session_of(viewer: Any, config: PlanConfig | None = None) -> "CementSession":
    """Give the session of a viewer: every dock of it shares one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.
    config : PlanConfig or None
        The settings of a session that is not there yet; None for the defaults.

    Returns
    -------
    CementSession
        The same one for the same viewer.
    """
    return _sessions.of(viewer, lambda real: CementSession(real, config))


def has_session(viewer: Any) -> bool:
    """Say whether anything of the planner was opened in a viewer; begins nothing."""
    return viewer in _sessions


class CementSession(Runs):
    """Loads and plans in the background for one viewer. At most one run counts: a newer one makes the older stale.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    config : PlanConfig or None
        The settings; None for the defaults.
    """

    loaded = Signal(object)
    """The `Scan` whose layer was added."""
    planned = Signal(object)
    """The `Plan` whose layers were added."""
    noted = Signal(str)
    """What else has happened, in the user's words: a CT was closed, or is open already."""
    wishesChanged = Signal(object)
    """The `WishesConfig` that the next plan takes."""

    def __init__(self, viewer: Any, config: PlanConfig | None = None) -> None:
        super().__init__()
        # Weakly: the session lives as long as its viewer.
        self._viewer_ref = weakref.ref(getattr(viewer, "__wrapped__", viewer))
        self._display = display_of(viewer)
        self._focus, self._editors = focus_of(viewer), editors_of(viewer)
        self._scene = PlanScene(viewer)
        self._config = self._own = config or PlanConfig()
        self._one = OneCt(viewer, self._leave)
        self._one.closed.connect(self.noted)
        self._one.adopt()
        when_closing(viewer, self.shut_down)

    @property
    def _viewer(self) -> Any:
        viewer = self._viewer_ref()
        if viewer is None:
            raise RuntimeError("the session's viewer has gone")
        return viewer

    @property
    def wishes(self) -> WishesConfig:
        """The operator's wishes, as the next plan and the next judgement take them."""
        return self._config.needles.wishes

    @property
    def catalogue(self) -> Mapping[str, Needle]:
        """The needles that can be had, by their names in the settings."""
        return catalogue_of(self._config.needles.catalogue)

    @property
    def config(self) -> PlanConfig:
        """The settings, the wishes among them."""
        return self._config

    def set_wishes(self, wishes: WishesConfig) -> None:
        """Take other wishes.

        Parameters
        ----------
        wishes : WishesConfig
            The wishes.
        """
        self._config = with_wishes(self._config, wishes)
        self.wishesChanged.emit(wishes)

    def set_config(self, config: PlanConfig) -> None:
        """Plan with other settings from now on, the wishes among them.

        Parameters
        ----------
        config : PlanConfig
            The settings.
        """
        self._config = config
        self.wishesChanged.emit(self.wishes)

    @property
    def wanted_series(self) -> str | None:
        """The series that the window's own settings name; None for the best."""
        return self._own.series_instance_uid

    @property
    def planned_scan(self) -> Scan | None:
        """The CT that the shown plan lies over; None without a plan, or where only its folder is there."""
        shown = self._focus.shown
        return None if shown.plan is None else shown.scan

    @property
    def can_judge(self) -> bool:
        """Whether a needle can be judged: a plan was made here, and nothing else is under way."""
        return self._focus.shown.case is not None and self._work is None

    def load(self, path: Path, *, series: str | None = None, then_plan: bool = False) -> None:
        """Load a CT in the background and show it; hidden beside it, the same with metal artefact reduction.

        Parameters
        ----------
        path : Path
            Anything that `planner.io.load_scan` takes.
        series : str or None
            Which of its series, as ``inspect`` names them; None takes the settings' one, else the best.
        then_plan : bool
            Whether it is planned on when it is there.
        """
        series, before = series or self.wanted_series, self._focus.shown

        def work(monitor: Monitor) -> tuple[tuple[Scan, Scan | None], bool]:
            scans = load_scans(path, series=series, monitor=monitor)
            return scans, is_own_ct(before, scans[0])

        def take(made: tuple[tuple[Scan, Scan | None], bool]) -> None:
            scans, is_own = made
            now = self._focus.shown
            if (
                is_own
                and before.folder is not None
                and not then_plan
                and now.scan is None
                and is_same_but_for_review(before, now)
            ):
                self._load_plan(before.folder, there=scans[0], beside=scans[1], name=f"CT {path.name}")
                return
            scan = self._one.own(scans[0])
            with at_once(self._viewer):
                is_open = not self._bring(scan, scans[1], name=f"CT {path.name}")
                if scan is not self._focus.shown.scan:
                    self._focus.set_shown(Shown(scan=scan))
            if is_open:
                self.noted.emit(f"CT {path.name} is open already: all stays as it is.")
            self.loaded.emit(scan)
            if then_plan:
                self.plan(scan)

        self.run(work, take)

    def load_plan(self, folder: Path, *, ct: Path | None = None) -> None:
        """Load a plan's folder in the background and show it.

        Parameters
        ----------
        folder : Path
            What ``cement-planner plan`` made.
        ct : Path or None
            The CT that it was made on, to lie below; None shows the bone of the plan's labels.
        """
        name = "CT" if ct is None else f"CT {ct.name}"
        self._load_plan(folder, ct=ct, there=self._focus.shown.scan, name=name)

    def _load_plan(
        self, folder: Path, *, ct: Path | None = None, there: Scan | None, beside: Scan | None = None, name: str
    ) -> None:
        """Load a plan's folder with its CT, which may be there already, and may have a twin beside it."""
        config = self._config

        def work(monitor: Monitor) -> tuple[Shown, list[Layer], Scene | None]:
            return read_plan(folder, ct=ct, there=there, config=config, monitor=monitor)

        def take(made: tuple[Shown, list[Layer], Scene | None]) -> None:
            shown, layers, scene = made
            before = self._focus.shown
            is_same = before.scan is None and is_same_but_for_review(before, shown)
            if is_same and before.plan is not None and shown.plan is not None:
                # Only its CT has come: what was drawn, and what a person said of the plan since, stays.
                plan = shown.plan.model_copy(update={"review": before.plan.review})
                of_plan(layers, shown.plan, plan)
                shown = replace(shown, plan=plan)
            # What is drawn on a CT that is open is kept beside what the folder brings.
            with at_once(self._viewer), nullcontext() if is_same else self._editors.turning():
                self._bring(shown.scan, beside, name=name, folder=shown.folder if is_same else None)
                if shown.scan is not None:
                    self.loaded.emit(shown.scan)
                if not is_same:
                    self._take_settings(shown.settings, scene)
                self.show(shown, layers=layers)

        self.run(work, take)

    def plan(self, scan: Scan, *, gaps: GapLabels | None = None) -> None:
        """Plan on a CT in the background and lay the plan over it.

        Parameters
        ----------
        scan : Scan
            The CT.
        gaps : GapLabels or None
            Gaps as a person corrected them; None where nobody did.
        """
        config = self._config

        def work(monitor: Monitor) -> tuple[Shown, list[Layer]]:
            return make_plan(scan, config, gaps=gaps, monitor=monitor)

        def take(made: tuple[Shown, list[Layer]]) -> None:
            self.show(made[0], layers=made[1])

        self.run(work, take)

    def fly_to(self, point_lps: PointLps, *, trajectory_id: str | None = None, camera: bool = True) -> None:
        """Bring a place into view.

        Parameters
        ----------
        point_lps : PointLps
            Where.
        trajectory_id : str or None
            The needle to show; None shows the first of each gap.
        camera : bool
            Whether napari's canvas moves there too; without it, only the cuts do.
        """
        self._focus.set_cursor(point_lps)
        if camera:
            self._display.fly_to(to_world(point_lps))
        self._scene.show_needle(trajectory_id)

    def show(self, shown: Shown, *, unreadable: Mask | None = None, layers: list[Layer] | None = None) -> None:
        """Lay a plan over its CT in the place of the one before.

        Parameters
        ----------
        shown : Shown
            The plan with its CT; does nothing without a plan.
        unreadable : Mask or None
            Where metal artefacts leave tissue unreadable.
        layers : list of Layer or None
            What `ready_layers` made of all this in another thread; None makes them now.
        """
        if shown.plan is None:
            return
        viewer = self._viewer
        if layers is None:
            layers = ready_layers(shown, unreadable=unreadable)
        self._scene.drop_waiting()
        with at_once(viewer):
            self._one.turn_to(shown.scan, folder=shown.folder)
            for layer in [one for one in viewer.layers if (origin := origin_of(one)) and origin.plan is not None]:
                viewer.layers.remove(layer)
            # Surfaces come first: where the view changes to 3D for them, nothing of the cuts need be drawn.
            self._focus.set_shown(shown)
            self.planned.emit(self._focus.shown.plan)
            # By now somebody may have said something else of it.
            self._scene.bring(of_plan(layers, shown.plan, self._focus.shown.plan))
            look_at_ct(self._viewer)

    def _bring(self, scan: Scan | None, beside: Scan | None, *, name: str, folder: Path | None = None) -> bool:
        """Turn the window to a CT, and bring its layers in; False where they are there already."""
        closed = self._one.turn_to(scan, folder=folder)
        brings = scan is not None and not self._one.has_layer_of(scan)
        if scan is not None and brings:
            with at_once(self._viewer), self._one.bringing():
                twin = None if self._one.has_layer_beside(scan) else beside
                self._display.add(ct_layers(scan, twin, name=name))
                look_at_ct(self._viewer)
        if closed:
            look_anew(self._display)
        return brings

    def _take_settings(self, settings: PlanConfig | None, scene: Scene | None) -> None:
        """Take those of a plan's folder before it is shown: what was wished when it was made is no edit of it."""
        config = settings or self._config
        self._config = config
        wishes = config.needles.wishes if scene is None else scene.wishes
        self._editors.set_value("wishes", wishes)
        # Also where nobody draws them, or they are drawn already.
        self.set_wishes(wishes)
        self._editors.set_value("own needle", None if scene is None else scene.own_needle)

    def _leave(self) -> None:
        """Stop what runs for a CT that goes, and forget its settings and wishes."""
        self.cancel()
        self._scene.drop_waiting()
        self._config = self._own
        self.set_wishes(WishesConfig())
