"""What became of a study: kept beside its plan, so that a later run need not do it again."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from planner.model.record import NotNegative, Record

SCHEMA: Final = "cement-planner/cohort-study/1"
StudyState = Literal["begun", "planned", "no implant", "failed", "worker died"]


class StudyRecord(Record):
    """One study's state. It tells nothing of the patient but what its id does."""

    schema_: Literal["cement-planner/cohort-study/1"] = Field(default=SCHEMA, alias="schema")
    study: str
    state: StudyState
    """"begun" while it is planned; a run that finds it so later knows that the one before was killed at it."""
    run: str
    """Which run this is of."""
    starts: int
    """How often that run began it."""
    protocol_sha256: str
    input_sha256: str
    error_class: str | None = None
    error: str | None = None
    """One line."""
    exit_code: int | None = None
    """What 'cement-planner plan' would have ended with; None where nothing ended."""
    seconds: NotNegative | None = None
    peak_memory_mib: NotNegative | None = None
    """The most memory that its worker held meanwhile; None where the system does not tell."""

    @model_validator(mode="after")
    def _error_and_state_agree(self) -> Self:
        if (self.error is not None) != (self.state in ("no implant", "failed", "worker died")):
            raise ValueError("a study has an error when it has no plan, and only then")
        return self
