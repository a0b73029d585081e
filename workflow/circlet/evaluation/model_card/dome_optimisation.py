"""Answers of a run to the DOME recommendations on optimisation; see `dome.py`."""

from circlet.composition import SIZE
from circlet.descriptors import DESCRIPTORS
from circlet.evaluation.model_card.about import ARCHITECTURE_WORDS
from circlet.evaluation.model_card.dome_data import Answer
from circlet.evaluation.model_card.inputs import Facts
from circlet.evaluation.model_card.training import best_of
from circlet.evaluation.verdict import with_interval
from circlet.tables import HARD, NEGATIVE, POSITIVE, TRAIN
from circlet.words import listed, percent

# Of a network's `descriptors`.
NUMBERS_BESIDE = {"none": 0, "sixteen": len(DESCRIPTORS), "composition": SIZE}
AGAINST_OVERFITTING = {
    "weight_decay": "weight decay {}",
    "average": "a moving average of the weights ({})",
    "label_smoothing": "label smoothing {}",
    "mutate": "{} of the tokens made random",
    "mask": "{} of the tokens made unknown",
    "rotate": "{} of the rings begun at a random place",
}


def files_of(facts: Facts, *names: str) -> list[str]:
    """Files of the run's checkpoint."""
    return [f"models/{facts.name}/{name}" for name in names]


def algorithm(facts: Facts) -> Answer:
    """Class of the algorithm."""
    architecture = facts.config["network"]["architecture"]
    trees = (
        ""
        if facts.config["tree_weight"] is None
        else ", joined with gradient-boosted decision trees"
    )
    return (
        f"Supervised deep learning: {architecture}, "
        f"{ARCHITECTURE_WORDS.get(architecture, 'a network of circlet')}{trees}. The network is "
        "circlet's own. Whether it is worth it over better known algorithms is answered by item "
        "4.3.",
        files_of(facts, "config.json"),
    )


def meta_predictions(facts: Facts) -> Answer:
    """Whether predictions are made of predictions."""
    members, weight = len(facts.config["members"]), facts.config["tree_weight"]
    files = files_of(facts, "config.json")
    said = "No predictor from elsewhere feeds the model."
    if members == 1 and weight is None:
        return f"{said} It is a single network.", files
    joined = [f"{members} networks"] if members > 1 else ["one network"]
    if weight is not None:
        joined.append(f"boosted trees with a share of {percent(weight)}")
    said += (
        f" Its score is a mean over its own parts, {listed(joined)}, all fitted on the training "
        "part."
    )
    if weight is not None:
        said += " That share was fitted on the validation part."
    return f"{said} The test part was read by none of them.", files


def encoding(facts: Facts) -> Answer:
    """How sequences become numbers."""
    vocabulary, network = facts.vocabulary, facts.config["network"]
    said = (
        f"Upper-case DNA letters (U is read as T) as {vocabulary['k']}-mers, "
        f"{vocabulary['stride']} nt apart, {len(vocabulary['kmers']):,} of them known"
    )
    said += ", the sequence closed to a ring" if vocabulary["ring"] else ""
    if vocabulary["window"] is not None:
        said += f", of the first {vocabulary['window']} nt"
    said += f"; at most {network['max_tokens']:,} tokens of a sequence are read, from both ends."
    return said, files_of(facts, "vocabulary.json", "config.json")


def parameters(facts: Facts) -> Answer:
    """Number of parameters."""
    each, members = facts.training[0]["parameters"], len(facts.training)
    said = f"p = {each:,} trained weights in each network"
    said += f", {each * members:,} in the {members} networks." if members > 1 else "."
    if facts.config["tree_weight"] is not None:
        said += " The boosted trees are not counted."
    return (
        f"{said} How the shape of the network was chosen is not recorded in the run.",
        files_of(facts, "training.json"),
    )


def features(facts: Facts) -> Answer:
    """Number of features, and their selection."""
    network = facts.config["network"]
    beside = NUMBERS_BESIDE.get(network.get("descriptors", "none"), 0)
    said = (
        f"The networks read up to {network['max_tokens']:,} tokens of the sequence itself"
        + (f" and {beside} numbers computed from it" if beside else "")
        + "."
    )
    if facts.config["tree_weight"] is not None:
        said += f" The trees read {SIZE} such numbers."
    return (
        f"{said} No features were selected; the vocabulary was built from the training part alone.",
        files_of(facts, "config.json", "vocabulary.json"),
    )


def fitting(facts: Facts) -> Answer:
    """Parameters against data, and what speaks for or against overfitting."""
    part = facts.parts[TRAIN]
    count = sum(part[name] for name in (POSITIVE, NEGATIVE, HARD))
    p = facts.training[0]["parameters"]
    said = f"A network has {p:,} weights for {count:,} training transcripts"
    said += f", {p / count:.1f} for each, so that overfitting is possible." if p > count else "."
    told = []
    for record in facts.training:
        if best := best_of(record):
            told.append(
                f"seed {record['seed']} {best['train_loss']:.3f} and "
                f"{best['validation_loss']:.3f} (AUROC {best['validation_auroc']:.3f})"
            )
    if told:
        said += (
            " Losses of the epoch that was kept, in training (where dropout and noise count in it) "
            f"and on the validation part: {'; '.join(told)}."
        )
    return (
        f"{said} On the {facts.row['part']} part the model has an AUROC of "
        f"{with_interval(facts.row, 'auroc')}.",
        [*files_of(facts, "training.json"), "evaluation/comparison.tsv"],
    )


def regularisation(facts: Facts) -> Answer:
    """What was done against overfitting."""
    record = facts.training[0]
    done = [f"dropout {facts.config['network']['dropout']}"]
    done += [
        words.format(record[name]) for name, words in AGAINST_OVERFITTING.items() if record[name]
    ]
    done.append(
        f"the epoch with the best validation AUROC kept, and training stopped after "
        f"{record['patience']} epochs without a better one"
    )
    if len(facts.training) > 1:
        done.append(f"{len(facts.training)} seeds averaged")
    return f"{done[0].capitalize()}; {'; '.join(done[1:])}.", files_of(
        facts, "training.json", "config.json"
    )


def configuration(facts: Facts) -> Answer:
    """Where settings and weights are."""
    return (
        "All settings, the losses of each epoch and the weights lie in the model's folder. Whether "
        "that folder was put on the web, and where, the run does not know. circlet's code is under "
        "the MIT licence.",
        files_of(facts, "config.json", "training.json", "vocabulary.json", "*.safetensors"),
    )
