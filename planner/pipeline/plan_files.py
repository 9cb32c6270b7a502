"""What a plan's folder may hold."""

PLAN_FILES = (
    "plan.json",
    "report.html",
    "labels.nii.gz",
    "labels.seg.dcm",
    "measurements.sr.dcm",
    "labels.seg.nrrd",
    "trust.nii.gz",
    "trajectories.mrk.json",
    "scene.mrml",
    "open_in_slicer.py",
    "slicer",
    "volumes.csv",
    "unwrapped.csv",
    "surfaces",
    "flow",
    "fluoro",
    "station.json",
)
"""Every name that the program may write into a plan's folder: `planner.pipeline.outputs` all but the last, which is a
planning station's (`planner.station.keeping.scene_file`). A plan that takes another's place takes that one's scene
away."""
