"""The napari plugin: shows what ``planner`` finds and lets a person correct it. It computes nothing itself."""
