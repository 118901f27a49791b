"""Jobs and S3: which objects an input means, where they go, and what comes back."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from localaws.services.sagemaker.containers.s3_storage import (
    S3Uri,
    Shard,
    Source,
    TransferError,
    download,
    pack,
    parse_manifest,
    path_under,
)


def test_a_manifest_names_objects_below_its_prefix() -> None:
    sources = parse_manifest('[{"prefix": "s3://lake/data/"}, "a.csv", "sub/b.csv"]')
    assert sources == [
        Source(S3Uri("lake", "data/a.csv"), "a.csv"),
        Source(S3Uri("lake", "data/sub/b.csv"), "sub/b.csv"),
    ]


@pytest.mark.parametrize("text", ["", "{}", "[]", '["a.csv"]', '[{"prefix": 1}]', '[{"prefix": "s3://b/"}, 7]', "null"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(TransferError, match="manifest"):
        parse_manifest(text)


@pytest.mark.parametrize(
    ("prefix", "key", "path"),
    [
        ("data/x.csv", "data/x.csv", "x.csv"),
        ("data/", "data/x.csv", "x.csv"),
        ("data", "data/sub/x.csv", "sub/x.csv"),
        ("data/part-", "data/part-1.csv", "part-1.csv"),
        ("", "x.csv", "x.csv"),
    ],
)
def test_objects_go_where_their_prefix_ends(prefix: str, key: str, path: str) -> None:
    assert path_under(prefix, key) == path


def test_shards_deal_out_every_object_once() -> None:
    sources = [Source(S3Uri("b", name), name) for name in "abcde"]
    dealt = [Shard(index, 2).of(sources) for index in range(2)]
    assert [source.path for source in dealt[0]] == ["a", "c", "e"]
    assert [source.path for source in dealt[1]] == ["b", "d"]


@pytest.mark.parametrize("text", ["data/x", "https://bucket/x", "s3://", ""])
def test_only_s3_uris_are_taken(text: str) -> None:
    with pytest.raises(TransferError):
        S3Uri.parse(text)


def test_uris_are_joined_with_one_slash() -> None:
    assert str(S3Uri.parse("s3://b/out/").child("x.csv")) == "s3://b/out/x.csv"
    assert str(S3Uri.parse("s3://b").child("x.csv")) == "s3://b/x.csv"


class NoS3:
    def get_object(self, **_where: str) -> Any:
        raise AssertionError("nothing may be fetched")


def test_a_path_that_leaves_the_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="leaves"):
        download(NoS3(), [Source(S3Uri("b", "x"), "../x")], tmp_path)


class AnyS3:
    def get_object(self, **_where: str) -> Any:
        return {"Body": io.BytesIO(b"x,y\n1,2\n")}


@pytest.mark.parametrize(
    ("paths", "problem"),
    [
        (["n" * 256 + ".csv"], "File name too long"),
        (["a/" + "ü" * 128 + "/b.csv"], "File name too long"),
        (["a\0.csv"], "File name too long"),
        (["a/b.csv", "a//b.csv"], "is there already"),
        (["a/b.csv", "a/./b.csv"], "is there already"),
        (["a.csv", "a.csv/b.csv"], "or a folder"),
    ],
)
def test_keys_that_a_file_system_does_not_keep_apart_fail_the_job(
    tmp_path: Path, paths: list[str], problem: str
) -> None:
    with pytest.raises(TransferError, match=problem):
        download(AnyS3(), [Source(S3Uri("b", path), path) for path in paths], tmp_path)


def test_odd_keys_are_files_of_their_own(tmp_path: Path) -> None:
    paths = ["a+b.csv", "a%2Bb.csv", "a b.csv", "a?versionId=1.csv", "a#b.csv", "\u00e9.csv", "e\u0301.csv", "n" * 255]
    download(AnyS3(), [Source(S3Uri("b", path), path) for path in paths], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(paths)


def test_the_same_files_make_the_same_archive(tmp_path: Path) -> None:
    archives = []
    for name in ("first", "second"):
        directory = tmp_path / name
        for path in sorted(["xgboost-model", "code/inference.py"], reverse=name == "second"):
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(path)
        archives.append(pack(directory))
    assert archives[0] == archives[1]
    with tarfile.open(fileobj=io.BytesIO(archives[0])) as archive:
        assert archive.getnames() == ["code/inference.py", "xgboost-model"]
