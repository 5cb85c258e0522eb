"""The comparison of two cloud assemblies finds what a deployment would change, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cdk.compare_templates import compare, main

CODE, OTHER_CODE = "a" * 64, "b" * 64
VERSION, OTHER_VERSION = "1" * 32, "2" * 32


def template(code: str = CODE, version: str = VERSION, **properties: Any) -> dict[str, Any]:
    function = {"Handler": "documents.handler.handler", "Code": {"S3Key": f"{code}.zip"}, **properties}
    metadata = {"aws:asset:path": f"asset.{code}"}
    return {
        "Resources": {
            "Documents": {"Type": "AWS::Lambda::Function", "Properties": function, "Metadata": metadata},
            f"DocumentsVersion0A1B2C3D{version}": {"Type": "AWS::Lambda::Version"},
        },
        "Outputs": {"Version": {"Value": {"Ref": f"DocumentsVersion0A1B2C3D{version}"}}},
    }


def assembly(folder: Path, **stacks: Any) -> Path:
    folder.mkdir()
    for name, content in stacks.items():
        (folder / f"{name}.template.json").write_text(json.dumps(content))
    return folder


def differences(tmp_path: Path, before: Any, after: Any) -> list[str]:
    pair = assembly(tmp_path / "before", api=before), assembly(tmp_path / "after", api=after)
    return [str(each) for each in compare(*pair)]


def test_other_code_alone_is_no_difference(tmp_path: Path) -> None:
    assert differences(tmp_path, template(), template(OTHER_CODE, OTHER_VERSION)) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"Handler": "handler.handler"},
            'api: Documents.Properties.Handler: "documents.handler.handler" → "handler.handler"',
        ),
        ({"Timeout": 29}, "api: Documents.Properties.Timeout: added 29"),
        ({"Layers": ["x"]}, 'api: Documents.Properties.Layers: added ["x"]'),
    ],
)
def test_a_changed_property_is_named_with_both_values(tmp_path: Path, change: dict[str, Any], line: str) -> None:
    assert differences(tmp_path, template(), template(**change)) == [line]


def test_a_removed_property_is_named(tmp_path: Path) -> None:
    assert differences(tmp_path, template(Timeout=29), template()) == ["api: Documents.Properties.Timeout: removed 29"]


def test_an_entry_of_a_list_is_named_by_its_place(tmp_path: Path) -> None:
    assert differences(tmp_path, template(Layers=["x", "y"]), template(Layers=["x", "z"])) == [
        'api: Documents.Properties.Layers.1: "y" → "z"'
    ]


def test_a_changed_logical_id_is_two_differences(tmp_path: Path) -> None:
    after = template()
    after["Resources"]["Papers"] = after["Resources"].pop("Documents")
    added, removed = sorted(differences(tmp_path, template(), after), key=lambda line: "removed" in line)
    assert added.startswith("api: Papers: added {") and removed.startswith("api: Documents: removed {")


def test_a_stack_that_is_new_or_gone_is_a_difference(tmp_path: Path) -> None:
    before = assembly(tmp_path / "before", api=template(), old=template())
    after = assembly(tmp_path / "after", api=template(), new=template())
    found = compare(before, after)
    assert [(each.stack, each.before is None, each.after is None) for each in found] == [
        ("new", True, False),
        ("old", False, True),
    ]


def test_what_is_expected_is_counted_and_anything_else_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = assembly(tmp_path / "before", api=template())
    after = assembly(tmp_path / "after", api=template(Handler="handler.handler", Timeout=29))
    arguments = [str(before), str(after), "--expect", "*.Properties.Handler"]
    assert main(arguments) == 1
    assert capsys.readouterr().out.splitlines() == [
        "api: Documents.Properties.Timeout: added 29",
        "expected: 1 × *.Properties.Handler",
        "1 other differences",
    ]
    assert main([*arguments, "--expect", "*.Timeout"]) == 0


def test_a_folder_without_templates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no templates"):
        compare(assembly(tmp_path / "before", api=template()), assembly(tmp_path / "after"))
