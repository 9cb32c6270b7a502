"""The judge of DICOM objects: dciodvfy, of Debian's dicom3tools."""

import os
import shutil

import pytest

needs_dciodvfy = pytest.mark.skipif(
    shutil.which("dciodvfy") is None and os.environ.get("REQUIRE_DCIODVFY", "0") == "0",
    reason="dciodvfy (Debian's dicom3tools) is not installed",
)
"""With REQUIRE_DCIODVFY=1 a test that needs it fails without it, for CI must not go green unjudged."""
