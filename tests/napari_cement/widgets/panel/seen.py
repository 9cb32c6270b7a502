"""What a panel is about, and what is read in it."""

from napari_cement._focus import Shown
from napari_cement._layers import scan_layers
from planner.station.surfaces import surfaces_of


def add_ct(viewer, scan):
    from napari.layers import Layer

    ((data, arguments, kind),) = scan_layers(scan, name="CT leg")
    viewer.add_layer(Layer.create(data, arguments, kind))


def rows(tree, parent=None, columns=2):
    parent = parent or tree.invisibleRootItem()
    found = []
    for number in range(parent.childCount()):
        item = parent.child(number)
        found += [tuple(item.text(column) for column in range(columns)), *rows(tree, item, columns)]
    return found


def shown_with_surfaces(scan, plan, labels):
    return Shown(scan, plan, labels, surfaces=surfaces_of(plan, labels))
