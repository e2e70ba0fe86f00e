"""What is asked of files for the study browser."""

from pathlib import Path

from engine.scans import index_files, index_path


def test_a_series_says_whose_it_is_and_never_in_its_repr(pydicom_files: Path):
    (entry,) = index_path(pydicom_files / "CT_small.dcm").series
    assert (entry.facts.patient_name, entry.facts.patient_id) == ("CompressedSamples^CT1", "1CT1")
    assert (entry.facts.study_date, entry.facts.series_number) == ("20040119", 1)
    assert "CompressedSamples" not in repr(entry)


def test_some_files_of_a_folder_are_indexed_without_the_others(pydicom_files: Path):
    files = [pydicom_files / name for name in ("CT_small.dcm", "MR_small.dcm")]
    alone = [entry for file in files for entry in index_path(file).series]
    assert list(index_files(files, pydicom_files).series) == alone


def test_a_link_out_of_the_folder_is_left_out(pydicom_files: Path, tmp_path: Path):
    link = tmp_path / "link.dcm"
    link.symlink_to(pydicom_files / "CT_small.dcm")
    index = index_files([link], tmp_path)
    assert index.series == ()
    assert "link out of the folder" in index.problems[0].reason
