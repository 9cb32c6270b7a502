"""Settings of how a picture archive is spoken to over DICOMweb."""

from pydantic import Field

from planner.config.settings import Settings


class PacsConfig(Settings):
    """How long a server is waited for, how often it is asked again, and how much it may send. All are ours."""

    attempts: int = Field(default=6, ge=1, description="How often one request is made before it has failed.")
    first_wait_s: float = Field(default=1.0, ge=0, description="Wait before the second attempt; doubled each time.")
    longest_wait_s: float = Field(
        default=60.0, ge=0, description="No wait is longer, also where the server asks for more (Retry-After)."
    )
    connect_s: float = Field(default=15.0, gt=0, description="How long a connection may take to be made.")
    read_s: float = Field(default=120.0, gt=0, description="How long a server may be silent within an answer.")
    most_answer_bytes: int = Field(
        default=64 << 20, gt=0, description="A list of studies, series or instances is no longer."
    )
    most_instance_bytes: int = Field(
        default=512 << 20,
        gt=0,
        description="A larger instance is refused. An enhanced CT of 1000 slices of 512 x 512 fits, uncompressed; it "
        "is held in memory five times over while it is unpacked and checked, which is 2.5 GiB.",
    )
    most_instances: int = Field(default=20_000, gt=0, description="A series of more instances is refused.")
    most_bytes: int = Field(
        default=16 << 30, gt=0, description="More than this is not fetched in one pull; as large as a zip may unpack."
    )
    most_found: int = Field(default=50, gt=0, description="A search that finds more studies or series is too wide.")
    rounds: int = Field(
        default=3, ge=1, description="How often a series is listed anew while a scanner may still be sending it."
    )
