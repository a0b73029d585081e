"""The JSON of requests and answers, as every door takes and gives it; imports pydantic alone."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from pydantic.config import JsonDict, JsonValue

EXAMPLE_ID, EXAMPLE_SEQUENCE = "mine", "ATGGCATTCTGAGGCTAAGCTTACGGATCC" * 10
EXAMPLE: "JsonDict" = {"sequences": {EXAMPLE_ID: EXAMPLE_SEQUENCE}}

# Of the two, one: `null` is as good as leaving it out. For those who read the description alone.
_ONE_OF_BOTH: "list[JsonValue]" = [
    {
        "required": [one],
        "properties": {one: {"type": kind}, other: {"type": "null"}},
    }
    for one, kind, other in (("text", "string", "sequences"), ("sequences", "object", "text"))
]


# A bound, of whatever size, makes pydantic refuse what is no Unicode, such as half an emoji.
_Text = Annotated[str, Field(min_length=0)]


class JsonQuery(BaseModel):
    """Sequences to classify: either one, or several by their ids."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": _ONE_OF_BOTH, "examples": [EXAMPLE]},
    )

    text: str | None = Field(None, description="One sequence: DNA or RNA, any case.", min_length=1)
    sequences: dict[Annotated[str, Field(min_length=1)], _Text] | None = Field(
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
        description="`both`: the strand is not known; score the sequence and its reverse "
        "complement, and tell the higher probability.",
    )

    @model_validator(mode="after")
    def _has_one_of_both(self) -> Self:
        """Refuse what is ambiguous, or nothing."""
        if (self.text is None) == (self.sequences is None):
            raise ValueError("give either 'text' or 'sequences'")
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


class State(BaseModel):
    """How the server is."""

    status: str


class About(BaseModel):
    """The model that answers."""

    circlet: str = Field(description="Version of circlet.")
    model: str = Field(description="Name of the model's folder or file.")
    sha256: str = Field(description="Of the checkpoint's manifest, or of the ONNX file.")
    members: list[str] = Field(description="The networks, and the trees if there are any.")
    min_length: int = Field(description="Unambiguous bases that a call asks for, nt.")
    training_lengths: list[int] = Field(
        description="Lengths of the shortest and longest sequence of the training part, nt.",
        min_length=2,
        max_length=2,
    )
    threshold: float = Field(description="A probability at or above it is called circRNA.")
    calibration: str = Field(description="How scores become probabilities.")
    scores: dict[str, str] = Field(description="Of the model's card, with 95 % intervals.")
    scored_on: str = Field(description="What these are of; empty where there is no card.")
