"""nnU-Net, listed volumes and DICOM segmentations, on a phantom whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.sr.codedict import codes

from engine.scans import read_volume
from training.records import DatasetError


def write_nifti(path: Path, array: np.ndarray, spacing=(2.0, 2.0, 3.0), origin=(-60.0, -50.0, 10.0)) -> None:
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(image, str(path))


@pytest.fixture
def phantom() -> tuple[np.ndarray, np.ndarray]:
    """A CT of 12 slices with a liver on the picture's left (the patient's right) and a spleen on its right."""
    labels = np.zeros((12, 60, 70), np.uint8)
    labels[2:9, 20:40, 8:30] = 1
    labels[4:11, 25:35, 50:62] = 2
    voxels = np.full(labels.shape, -50, np.int16)
    voxels[labels == 1], voxels[labels == 2] = 100, 150
    return voxels, labels


@pytest.fixture
def nnunet(tmp_path: Path, phantom):
    def write(description: dict) -> dict:
        voxels, labels = phantom
        write_nifti(tmp_path / "imagesTr" / "case1_0000.nii.gz", voxels)
        write_nifti(tmp_path / "labelsTr" / "case1.nii.gz", labels)
        (tmp_path / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
        return {"kind": "nnunet", "path": tmp_path, "modality": ""}

    return write


VERSION_2 = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "liver": 1, "spleen": 2},
    "file_ending": ".nii.gz",
}
VERSION_1 = {"modality": {"0": "CT"}, "labels": {"0": "background", "1": "liver", "2": "spleen"}}


@pytest.mark.parametrize("description", [VERSION_1, VERSION_2], ids=["version 1", "version 2"])
def test_nnunet_cases_become_slices_with_regions(nnunet, read_all, description):
    images = read_all(**nnunet(description), slicing={"slices": 3})
    assert {region.key for image in images for region in image.regions} == {"liver", "spleen"}
    for image in images:
        assert (image.modality, image.plane, image.group) == ("CT", "axial", "case1")
        for region in image.regions:
            # The liver is on the picture's left; both are drawn where the voxels are bright.
            x, y = round((region.box.x1 + region.box.x2) / 2), round((region.box.y1 + region.box.y2) / 2)
            assert (x < 35) == (region.key == "liver")
            assert image.pixels[y, x, 0] > image.pixels[0, 0, 0]


def test_regions_of_several_values_overlap_the_values_alone(nnunet, read_all):
    labels = {"background": 0, "whole": [1, 2], "spleen": 2}
    images = read_all(**nnunet(VERSION_2 | {"labels": labels}), labels={"whole": "abdomen"}, slicing={"slices": 1})
    assert {region.key for image in images for region in image.regions} == {"abdomen", "spleen"}


def test_a_slices_label_map_lies_on_its_pixels(nnunet, read_all):
    for image in read_all(**nnunet(VERSION_2), slicing={"slices": 3}):
        assert image.label_map is not None
        for number, key in enumerate(image.label_map.keys, start=1):
            place = image.label_map.values == number
            assert place.any()
            rows, columns = np.nonzero(place)
            (box,) = (region.box for region in image.regions if region.key == key)
            assert box.as_tuple() == (columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5)
            assert (image.pixels[place] > image.pixels[0, 0]).all()


def test_a_region_of_several_values_lies_under_its_parts(nnunet, read_all):
    labels = {"background": 0, "whole": [1, 2], "spleen": 2}
    (image,) = read_all(**nnunet(VERSION_2 | {"labels": labels}), labels={"whole": "abdomen"}, slicing={"slices": 1})
    assert image.label_map is not None
    assert image.label_map.keys == ("abdomen", "spleen")
    assert {1, 2} <= set(np.unique(image.label_map.values))


def test_a_missing_image_of_a_case_is_named(nnunet, read_all, tmp_path: Path):
    settings = nnunet(VERSION_2)
    (tmp_path / "imagesTr" / "case1_0000.nii.gz").unlink()
    with pytest.raises(DatasetError, match="the case case1"):
        read_all(**settings)


def test_a_label_map_on_another_grid_is_laid_onto_the_scan(tmp_path: Path, phantom, read_all):
    voxels, labels = phantom
    write_nifti(tmp_path / "image.nii.gz", voxels)
    # Stored from left to right and from the feet up, as other programs do.
    turned = SimpleITK.GetImageFromArray(labels)
    turned.SetSpacing((2.0, 2.0, 3.0))
    turned.SetOrigin((-60.0, -50.0, 10.0))
    SimpleITK.WriteImage(SimpleITK.DICOMOrient(turned, "LPI"), str(tmp_path / "labels.nii.gz"))
    listed = {"image": tmp_path / "image.nii.gz", "labels": tmp_path / "labels.nii.gz", "names": {"1": "liver"}}
    images = read_all(kind="label_volumes", volumes=[listed], slicing={"slices": 1, "planes": ["axial"]})
    assert [region.key for region in images[0].regions] == ["liver"]
    box = images[0].regions[0].box
    assert (box.width, box.height) == (22, 20)
    assert box.x1 == 7.5


def test_a_label_map_of_another_place_is_an_error(tmp_path: Path, phantom, read_all):
    voxels, labels = phantom
    write_nifti(tmp_path / "image.nii.gz", voxels)
    write_nifti(tmp_path / "labels.nii.gz", labels, origin=(5000.0, 0.0, 0.0))
    listed = {"image": tmp_path / "image.nii.gz", "labels": tmp_path / "labels.nii.gz", "names": {"1": "liver"}}
    with pytest.raises(DatasetError, match="lies nowhere in the scan"):
        read_all(kind="label_volumes", volumes=[listed])


def test_names_of_a_label_map_come_from_the_atlas_text_file(tmp_path: Path, phantom, read_all):
    voxels, labels = phantom
    write_nifti(tmp_path / "image.nii.gz", voxels)
    write_nifti(tmp_path / "labels.nii.gz", labels)
    (tmp_path / "names.txt").write_text("1 Hippocampus_R 4102\n2 Hippocampus_L 4101\n", encoding="utf-8")
    listed = {"image": tmp_path / "image.nii.gz", "labels": tmp_path / "labels.nii.gz", "names": tmp_path / "names.txt"}
    images = read_all(kind="label_volumes", volumes=[listed], modality="MR", slicing={"slices": 2})
    assert {r.key for image in images for r in image.regions} == {"hippocampus|left", "hippocampus|right"}


def write_series(folder: Path, voxels: np.ndarray) -> list[pydicom.Dataset]:
    """A CT series that highdicom takes as the source of a segmentation."""
    study, series, frame = (pydicom.uid.generate_uid() for _ in range(3))
    datasets = []
    folder.mkdir(parents=True)
    for z, values in enumerate(voxels):
        ds = pydicom.Dataset()
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        ds.SOPClassUID, ds.SOPInstanceUID = pydicom.uid.CTImageStorage, pydicom.uid.generate_uid()
        ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = (
            ds.SOPClassUID,
            ds.SOPInstanceUID,
        )
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "p7", "Nobody^", "", ""
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = "", "", "", "", ""
        ds.Modality, ds.SeriesNumber, ds.InstanceNumber, ds.Manufacturer = "CT", 1, z + 1, ""
        ds.Rows, ds.Columns = values.shape
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [-60, -50, 10 + 3 * z], [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [2, 2], 3
        ds.RescaleSlope, ds.RescaleIntercept, ds.PositionReferenceIndicator = 1, 0, ""
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 1
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
        ds.PixelData = values.astype("<i2").tobytes()
        ds.save_as(folder / f"{z}.dcm", enforce_file_format=True)
        datasets.append(pydicom.dcmread(folder / f"{z}.dcm"))
    return datasets


def test_a_dicom_segmentation_is_read_with_its_series(tmp_path: Path, phantom, read_all):
    voxels, labels = phantom
    series = write_series(tmp_path / "ct", voxels)
    algorithm = highdicom.AlgorithmIdentificationSequence("t", codes.DCM.ArtificialIntelligence, "1")
    described = [
        highdicom.seg.SegmentDescription(
            number, label, codes.SCT.Organ, kind, highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC, algorithm
        )
        # The second's own label says nothing: its code does.
        for number, (label, kind) in enumerate([("liver", codes.SCT.Liver), ("Segment 2", codes.SCT.Spleen)], start=1)
    ]
    masks = np.stack([labels == 1, labels == 2], axis=-1).astype(np.uint8)
    segmentation = highdicom.seg.Segmentation(
        series,
        masks,
        highdicom.seg.SegmentationTypeValues.BINARY,
        described,
        pydicom.uid.generate_uid(),
        2,
        pydicom.uid.generate_uid(),
        1,
        "m",
        "m",
        "1",
        "1",
    )
    (tmp_path / "seg").mkdir()
    segmentation.save_as(tmp_path / "seg" / "s.dcm")
    images = read_all(
        kind="dicom_seg", path=tmp_path / "seg", images=tmp_path / "ct", slicing={"slices": 2}, modality=""
    )
    volume = read_volume(tmp_path / "ct")
    assert volume.voxels.shape == voxels.shape
    assert {region.key for image in images for region in image.regions} == {"liver", "spleen"}
    for image in images:
        assert (image.modality, image.group) == ("CT", "p7")
        livers = [region.box for region in image.regions if region.key == "liver"]
        assert all((box.x1, box.y1, box.x2, box.y2) == (7.5, 19.5, 29.5, 39.5) for box in livers)


def test_dcmqi_segmentations_lie_on_their_ct(shared_data: Path, source_of):
    folder = shared_data / "dicom" / "dcmqi" / "data" / "segmentations"
    source = source_of(kind="dicom_seg", path=folder, images=folder / "ct-3slice", modality="")
    (unit,) = [unit for unit in source.units() if unit.key == "liver.dcm"]
    images = list(source.read(unit))
    assert {region.key for image in images for region in image.regions} == {"liver"}
    # The patient's right is on the picture's left.
    assert all(region.box.x2 < image.pixels.shape[1] * 0.7 for image in images for region in image.regions)
