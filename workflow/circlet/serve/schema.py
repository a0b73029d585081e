"""The JSON of requests and answers, as every door takes and gives it; imports pydantic alone."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

CIRCULAR = "ACGTACGGTTCAGGATCCGATTACA" * 10
EXAMPLE = {"sequences": {"mine": CIRCULAR}}


class JsonQuery(BaseModel):
    """Sequences to classify: either one, or several by their ids."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    text: str | None = Field(None, description="One sequence: DNA or RNA, any case.", min_length=1)
    sequences: dict[str, str] | None = Field(
        None, description="Sequences by their ids.", min_length=1
    )
    threshold: float | None = Field(
        None,
        description="Call a circRNA from this probability on; the model's own if null.",
        ge=0,
        le=1,
    )
    strand: Literal["given", "both"] = Field(
        "given",
        description="`both`: the strand is not known; score it and its reverse complement, and "
        "tell the higher probability.",
    )

    @model_validator(mode="after")
    def _has_one_of_both(self) -> Self:
        """Refuse what is ambiguous, or nothing."""
        if (self.text is None) == (self.sequences is None):
            raise ValueError("give either 'text' or 'sequences'")
        if self.sequences is not None and "" in self.sequences:
            raise ValueError("an id in 'sequences' is empty")
        return self


class Row(BaseModel):
    """What the model says of one sequence."""

    id: str = Field(description="As it was given.")
    length: int = Field(description="Length of the sequence in nt.", ge=0)
    p_circrna: float | None = Field(
        description="Calibrated probability of a circRNA; null if it cannot be scored.", ge=0, le=1
    )
    call: Literal["circRNA", "lncRNA"] | None = Field(description="Null if it cannot be scored.")
    spread: float | None = Field(
        description="Standard deviation of the probabilities that the model's members give alone.",
        ge=0,
    )
    flags: list[str] = Field(
        description="What to mind about the sequence; of one without a call, the first says why."
    )
    strand: Literal["+", "-"] | None = Field(
        None, description="Where both were scored, the one that `p_circrna` is of."
    )
    p_other_strand: float | None = Field(
        None, description="Where both were scored, the probability of the other.", ge=0, le=1
    )


class JsonAnswer(BaseModel):
    """What the model says, in the order of the sequences."""

    predictions: list[Row]


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str = Field(description="One line: what is wrong, where, and how to mend it.")
