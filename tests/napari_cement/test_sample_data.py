import pytest

from napari_cement import _sample_data
from tests.napari_cement.conftest import STORED, scan_with_marker


@pytest.mark.parametrize("kind", ["hip", "lumbar", "thoracic"])
def test_every_sample_in_the_manifest_opens(make_napari_viewer, kind):
    if _sample_data.sample_folder(kind) is None:
        pytest.skip("the sample series do not lie beside the package")
    viewer = make_napari_viewer()
    viewer.open_sample("periprosthetic-cement-planner", kind)
    (layer,) = viewer.layers
    assert layer.name == f"CT {kind}"
    assert layer.data.max() > 1500, "metal"


def test_without_the_checkout_the_phantom_is_made(monkeypatch):
    asked = []

    class Made:
        volume = scan_with_marker(STORED["axial"]).volume

    monkeypatch.setattr(_sample_data, "sample_folder", lambda kind: None)
    monkeypatch.setattr(_sample_data, "make", lambda kind, *, settings: asked.append(kind) or Made)
    ((hu, arguments, _),) = _sample_data.lumbar()
    assert asked == ["lumbar"]
    assert hu.shape == Made.volume.hu.shape
    assert arguments["name"] == "CT lumbar"
