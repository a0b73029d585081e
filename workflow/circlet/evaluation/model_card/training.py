"""Section of the model card on the network and its training: settings, seeds, time and machine."""

from circlet.evaluation.model_card.inputs import Facts, Sheet
from circlet.layout import Section, Table
from circlet.words import DASH

DESCRIPTOR_WORDS = {
    "none": "",
    "sixteen": "16 hand-made descriptors",
    "composition": "hand-made descriptors, 4-mers, codon usage and end bases",
}
# Of a training's record, those told in the card's table, with the unit where there is one.
SETTINGS = {
    "optimizer": "optimiser",
    "learning_rate": "highest learning rate",
    "weight_decay": "weight decay",
    "batch_tokens": "most tokens in a batch",
    "accumulate": "batches of one step",
    "max_epochs": "most epochs",
    "patience": "epochs without a better one before the stop",
    "warmup": "share of the budget for warm-up",
    "clip": "largest norm of a gradient",
    "average": "decay of the moving average of weights",
    "class_weight": "weight of the classes",
    "label_smoothing": "label smoothing",
    "mutate": "share of tokens made random",
    "mask": "share of tokens made unknown",
    "rotate": "share of rings that begin anywhere",
    "precision": "precision",
}


def tell_training(facts: Facts) -> Section:
    """How it was trained: shape, settings, seeds, time and machine."""
    network = facts.config["network"]
    k, stride = facts.vocabulary["k"], facts.vocabulary["stride"]
    ring = ", the sequence closed to a ring" if facts.vocabulary["ring"] else ""
    beside = DESCRIPTOR_WORDS.get(network.get("descriptors", "none"), "")
    sentences = [
        f"A sequence is read as {k}-mers, {stride} nt apart{ring}."
        + (f" Beside them the networks see {beside}." if beside else ""),
        f"{tell_time(facts)} Which processor or graphics card it was is not recorded, and no "
        "estimate of energy or carbon is made.",
    ]
    shape = [[name, str(value)] for name, value in network.items()]
    first = facts.training[0]
    settings = [[words, tell_setting(first[name])] for name, words in SETTINGS.items()]
    seeds = [seed_row(record) for record in facts.training]
    columns = ("Seed", "Best epoch", "Epochs", "Its validation AUROC", "Time, s", "Why it stopped")
    tables = [
        Table("Shape of a network, as in config.json", ("Setting", "Value"), shape),
        Table("Settings of the training, as in training.json", ("Setting", "Value"), settings),
        Table("Seeds", columns, seeds, (0, 5)),
    ]
    return Section("training", "Network and training", sentences, tables=tables)


def tell_setting(value: object) -> str:
    """A setting as text."""
    return DASH if value is None else str(value)


def seed_row(record: Sheet) -> list[str]:
    """What the training of one seed came to."""
    best = best_of(record)
    return [
        str(record["seed"]),
        str(record["best_epoch"]),
        f"{len(record['epochs'])} of {record['max_epochs']}",
        DASH if best is None else f"{best['validation_auroc']:.3f}",
        f"{record['seconds']:,.0f}",
        record["stopped"],
    ]


def best_of(record: Sheet) -> Sheet | None:
    """The epoch whose weights were kept."""
    return next((e for e in record["epochs"] if e["epoch"] == record["best_epoch"]), None)


def tell_time(facts: Facts) -> str:
    """Say how long the training took, and on what."""
    seconds = sum(record["seconds"] for record in facts.training)
    machines = sorted(
        {
            f"{record['device']}, threads: {record['threads']}, processes: {record['processes']}, "
            f"torch {record['versions']['torch']}"
            for record in facts.training
        }
    )
    seeds = f"{len(facts.training)} seeds" if len(facts.training) > 1 else "one seed"
    return f"Training took {seconds:,.0f} s for {seeds}, on: {'; '.join(machines)}."
