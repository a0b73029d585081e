"""The upstreams and tools to cite, and the terms of their data: said once, for all pages."""

from dataclasses import dataclass

UNKNOWN_TERMS = (
    "No explicit licence text is known to us: check the terms at the source before redistribution."
)


@dataclass(frozen=True)
class Citation:
    """A work to cite.

    Attributes:
        name: What is cited, and for what.
        work: Authors and title.
        journal: Journal, abbreviated.
        details: Year, volume and pages.
        doi: Digital object identifier.
        terms: Terms of the data, a sentence, if there are data.
        terms_url: Where the terms stand in full.
    """

    name: str
    work: str
    journal: str
    details: str
    doi: str
    terms: str = ""
    terms_url: str = ""

    @property
    def url(self) -> str:
        """Address of the work."""
        return f"https://doi.org/{self.doi}"


# By what is cited: types of sources, the demo's files and the workflow.
CITATIONS = {
    "circrnadb": Citation(
        "circRNADb (circRNAs)",
        "Chen X, et al. circRNADb: A comprehensive database for human circular RNAs with "
        "protein-coding annotations.",
        "Sci Rep",
        "2016;6:34985",
        "10.1038/srep34985",
        UNKNOWN_TERMS,
    ),
    "gencode": Citation(
        "GENCODE (lncRNAs)",
        "Frankish A, et al. GENCODE reference annotation for the human and mouse genomes.",
        "Nucleic Acids Res",
        "2019;47:D766\N{EN DASH}D773",
        "10.1093/nar/gky955",
        "The data are open access, under the terms of use of EMBL-EBI, which hosts them.",
        "https://www.ebi.ac.uk/about/terms-of-use/",
    ),
    "circbase": Citation(
        "circBase (circRNAs)",
        "Glažar P, Papavasileiou P, Rajewsky N. circBase: a database for circular RNAs.",
        "RNA",
        "2014;20:1666\N{EN DASH}1670",
        "10.1261/rna.043687.113",
        UNKNOWN_TERMS,
    ),
    "demo": Citation(
        "CIRCexplorer (sequences of the demo)",
        "Zhang XO, et al. Complementary sequence-mediated exon circularization.",
        "Cell",
        "2014;159:134\N{EN DASH}147",
        "10.1016/j.cell.2014.09.001",
        "The demo's sequences come from its source distribution, which is under the MIT licence.",
    ),
    "mmseqs2": Citation(
        "MMseqs2 (clusters of similar sequences)",
        "Steinegger M, Söding J. Clustering huge protein sequence sets in linear time.",
        "Nat Commun",
        "2018;9:2542",
        "10.1038/s41467-018-04964-5",
    ),
    "workflow": Citation(
        "Snakemake (the workflow)",
        "Mölder F, et al. Sustainable data analysis with Snakemake.",
        "F1000Research",
        "2021;10:33",
        "10.12688/f1000research.29032",
    ),
}
