"""The planning sheet: pictures of the CT with the plan drawn in, and one HTML file that a browser prints."""
