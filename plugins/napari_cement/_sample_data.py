"""Sample data: the three phantoms, from the checkout's series, else made anew."""

from pathlib import Path

import planner
from napari_cement._layers import LayerData, scan_layers
from napari_cement._reader import put_viewer_right, read_scan_folder
from planner.phantoms import PhantomKind, design, make
from planner.pipeline import scan_of


def hip() -> list[LayerData]:
    """Give the hip with a loose stem."""
    return _sample("hip")


def lumbar() -> list[LayerData]:
    """Give the lumbar spine with loose screws."""
    return _sample("lumbar")


def thoracic() -> list[LayerData]:
    """Give the thoracic spine with loose screws."""
    return _sample("thoracic")


def sample_folder(kind: PhantomKind) -> Path | None:
    """Find a sample series.

    Parameters
    ----------
    kind : PhantomKind
        Which phantom.

    Returns
    -------
    Path or None
        None where the package was installed without its checkout.
    """
    folder = Path(planner.__file__).parents[1] / "sample_dicoms" / kind
    return folder if folder.is_dir() else None


def _sample(kind: PhantomKind) -> list[LayerData]:
    folder = sample_folder(kind)
    if folder is not None:
        return read_scan_folder(str(folder))
    put_viewer_right()
    return scan_layers(scan_of(make(kind, settings=design(kind).ideal).volume), name=f"CT {kind}")
