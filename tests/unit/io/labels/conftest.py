"""A small labelled spine: blocks in a row, as TotalSegmentator, VerSe and others number them."""

import nibabel as nib
import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.io.nifti import write_label_nifti
from planner.model.labels import LabelMap

SHAPE = (90, 40, 40)


def spine_grid():
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * 2.0
    matrix[:3, 3] = (-40.0, -30.0, 100.0)
    return Grid(SHAPE, matrix)


def blocks(numbers, *, grid=None, pitch=17, height=14):
    """Number blocks from the bottom up, two millimetres a voxel: 34 mm apart, some 60 mL, as lumbar vertebrae are."""
    grid = grid or spine_grid()
    codes = np.zeros(grid.shape, np.uint16)
    for k, number in enumerate(numbers):
        codes[3 + k * pitch : 3 + k * pitch + height, 10:32, 8:32] = number
    return LabelMap(grid, codes, ())


@pytest.fixture
def write_numbers(tmp_path):
    def write(numbers, name="labels.nii.gz", **kind):
        path = tmp_path / name
        write_label_nifti(blocks(numbers, **kind), path)
        return path

    return write


@pytest.fixture
def with_table():
    """Put a table of names into a NIfTI file's header, as TotalSegmentator does."""

    def put(path, lines):
        image = nib.load(path)
        text = "".join(f'<Label Key="{key}" Red="0.0"><![CDATA[{name}]]></Label>\n' for key, name in lines.items())
        xml = (
            f"<CaretExtension><VolumeInformation><LabelTable>\n{text}</LabelTable></VolumeInformation></CaretExtension>"
        )
        image.header.extensions.append(nib.nifti1.Nifti1Extension(0, xml.encode()))
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header), path)
        return path

    return put
