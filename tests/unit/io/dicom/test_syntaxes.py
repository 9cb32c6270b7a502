"""Transfer syntaxes by name."""

import pytest
from pydicom.uid import UID, AllTransferSyntaxes

from planner.io.dicom.compressed import DECODERS
from planner.io.dicom.stored import READABLE
from planner.io.dicom.syntaxes import syntax_name


@pytest.mark.parametrize("uid", AllTransferSyntaxes)
def test_a_syntax_has_the_name_that_pydicom_has_for_it(uid):
    assert syntax_name(str(uid)) == UID(uid).name


@pytest.mark.parametrize("uid", sorted(READABLE | frozenset(DECODERS)))
def test_what_can_be_read_has_a_name(uid):
    assert syntax_name(uid) not in ("an unknown transfer syntax", uid)


@pytest.mark.parametrize("uid", ["", "1.2.3", "1.2.840.10008.1.2.4.999"])
def test_what_the_standard_has_not_is_unknown(uid):
    assert syntax_name(uid) == "an unknown transfer syntax"
