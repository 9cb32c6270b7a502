"""Settings of needle holes as ways out of a gap."""

from pydantic import Field

from planner.config.settings import Settings


class NeedleHoleConfig(Settings):
    """When the hole that a needle leaves in the bone counts as a leak path."""

    least_share: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="A hole is told where, with its needle drawn, it would take at least this share of what is "
        "injected; no source: of 2 mL, a usual target's, it is the drop of 0.2 mL that watch views are made to show.",
    )
    neighbour_mm: float = Field(
        default=4.0,
        gt=0,
        description="A compartment that lies so near to the hole's outer mouth, with no bone between, is named; as for "
        "breaches.",
    )
