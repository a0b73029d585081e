import pandas as pd
import pytest

from circlet.files import write_json
from circlet.pages import DASH, count, dataset_rows, download_rows

SUMMARY = pd.DataFrame(
    [
        ("circrnadb", "circRNA", "records", None, None, 4099, None),
        ("circrnadb", "circRNA", "too_short", None, 21, 4078, None),
        ("circrnadb", "circRNA", "duplicate", None, 3, 4075, None),
        ("total", "circRNA", "kept", None, None, 4075, 31939),
    ],
    columns=["source", "label", "step", "flagged", "removed", "remaining", "reference"],
)
DOWNLOAD = {
    "size": 1234567,
    "sha256": "0123456789abcdef" * 4,
    "retrieved": "2026-01-02T03:04:05+00:00",
}


def test_dataset_rows_keep_the_order_of_the_steps():
    steps, rows = dataset_rows(SUMMARY)
    assert steps == ["too_short", "duplicate"]
    assert rows[0]["records"] == 4099
    assert rows[0]["kept"] == 4075
    assert rows[1]["reference"] == 31939


def test_download_of_a_local_file_is_no_link(tmp_path):
    write_json(tmp_path / "a.json", DOWNLOAD | {"url": "file:///b/c.zip", "requested_urls": []})
    row = download_rows([tmp_path / "a.json"])[0]
    assert (row["file"], row["upstream"], row["is_web"]) == ("c.zip", "file:///b/c.zip", False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (12.6, "13"),
        (0, "0"),
        (True, "True"),
        ("cpu", "cpu"),
        (None, DASH),
        (float("nan"), DASH),
        (pd.NA, DASH),
    ],
)
def test_count(value, text):
    assert count(value) == text
