"""What a plan could not measure, in words."""

from collections.abc import Mapping

from planner.model.plan import Plan


def unmeasured(plan: Plan) -> tuple[str, ...]:
    """List what a plan could not measure, in words.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of str
        One line for each thing, "gap-2: volume, width" say; empty where nothing is missing.
    """
    lines = []
    names: dict[str, object]
    for implant in plan.implants:
        sphere, axis = implant.sphere, implant.axis
        is_ball = implant.kind in ("femoral_head", "acetabular_cup")
        names = {
            **({"sphere": sphere} if is_ball else {"axis": axis}),
            **({} if axis is None else {"diameter": axis.diameter_mm}),
            **({"opening": sphere.opening_lps} if sphere is not None and implant.kind == "acetabular_cup" else {}),
            "volume": implant.volume_ml,
            "side": implant.side,
            "loosening": implant.loosening,
        }
        lines.append(_missing(implant.id, names))
    for gap in plan.gaps:
        names = {
            "volume": gap.volume_ml,
            "expected fill (not simulated)": gap.expected_fill_ml,
            "width": gap.width_mm,
            "lucent share of the interface": gap.interface_fraction,
            "trust": gap.trust,
            **{f"volume in {zone.zone}": zone.volume_ml for zone in gap.zones},
        }
        lines.append(_missing(gap.id, names))
    lines.extend(_of_breaches(plan))
    for needle in plan.trajectories:
        names = {
            "skin entry": needle.entry_skin_lps,
            "distance from metal": needle.clearance_mm.metal,
            "distance from the canal": needle.clearance_mm.canal,
            "distance from the nearest breach": needle.clearance_mm.nearest_breach,
            "volume within reach": needle.reachable_ml,
        }
        lines.append(_missing(needle.id, names))
    lines.extend(f"risk factor: {risk.name}" for risk in plan.risk_factors if risk.measured is None)
    return tuple(line for line in lines if line)


def _of_breaches(plan: Plan) -> list[str]:
    """List what is missing of breaches, those that miss the same in one line: a plan may have dozens."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for breach in plan.breaches:
        names: dict[str, object] = {
            "kind of leak": breach.leak_type,
            "thickness of bone": breach.barrier_mm,
            "area": breach.area_mm2,
            "whether cement reaches it (not simulated)": breach.reached,
            "view to watch (none shows it)": breach.watch_view,
            "how far it can be read": breach.trust,
        }
        if breach.severity == "open":
            names["how wide it is open"] = breach.neck_mm
        else:
            names["density of bone"] = breach.barrier_hu
        gone = tuple(what for what, value in names.items() if value is None)
        groups.setdefault(gone, []).append(breach.id)
    return [f"{', '.join(ids)}: {', '.join(gone)}" for gone, ids in groups.items() if gone]


def _missing(name: str, values: Mapping[str, object]) -> str:
    gone = [what for what, value in values.items() if value is None]
    return f"{name}: {', '.join(gone)}" if gone else ""
