import pandas as pd

from circlet.data.records import Record, records_to_table
from circlet.tables import TRANSCRIPT_COLUMNS

TYPES = {
    name: "Int64" if name in ("start", "end", "exon_count") else "string"
    for name in TRANSCRIPT_COLUMNS
}


def test_every_field_finds_its_column():
    full = Record(
        id="t1",
        sequence="acgN",
        chrom="chr1",
        start=0,
        end=2**31,
        strand="-",
        gene="G1",
        gene_id="ENSG1",
        biotype="antisense",
        exon_count=2,
        exon_lengths="1,3",
        exon_offsets="0,9",
        gene_type="lncRNA",
    )
    table = records_to_table([full], "mine", "circRNA", "hg19")
    assert table.to_dict("records") == [
        {
            "id": "t1",
            "source": "mine",
            "label": "circRNA",
            "sequence": "acgN",
            "assembly": "hg19",
            "chrom": "chr1",
            "start": 0,
            "end": 2**31,
            "strand": "-",
            "gene": "G1",
            "gene_id": "ENSG1",
            "biotype": "antisense",
            "exon_count": 2,
            "exon_lengths": "1,3",
            "exon_offsets": "0,9",
            "gene_type": "lncRNA",
        }
    ]
    assert tuple(table.columns) == TRANSCRIPT_COLUMNS
    assert table.dtypes.astype(str).to_dict() == TYPES


def test_what_a_source_does_not_tell_is_missing_and_keeps_its_type():
    records = [Record("b", "AC"), Record("a", "GT", start=7, exon_lengths="7")]
    table = records_to_table(iter(records), "mine", "lncRNA", None)
    assert table["id"].tolist() == ["b", "a"]  # the order of the records
    assert table.dtypes.astype(str).to_dict() == TYPES
    assert table["start"].isna().tolist() == [True, False]
    assert table["start"].iloc[1] == 7
    assert table["exon_lengths"].iloc[1] == "7"
    known = {"id", "source", "label", "sequence"}
    assert {name for name in table if table[name].iloc[0] is not pd.NA} == known
    assert table["assembly"].isna().all()


def test_no_records_give_a_table_of_the_same_types():
    table = records_to_table([], "mine", "lncRNA", "hg19")
    assert len(table) == 0
    assert tuple(table.columns) == TRANSCRIPT_COLUMNS
    assert table.dtypes.astype(str).to_dict() == TYPES
