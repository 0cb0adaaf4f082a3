"""The finding that a diagnosis consists of."""

from luthier.learning_curves.diagnosis import DIAGNOSES, OF_BATCHES, Diagnosis


def test_what_json_has_are_the_keys_of_every_finding_and_the_steps() -> None:
    found = Diagnosis("plateau", "info", "It is flat.", "Wait.", (3,), steps=(7, 9), rate_factor=3)
    assert found.to_dict() == {
        "id": "plateau",
        "severity": "info",
        "message": "It is flat.",
        "action": "Wait.",
        "rows": [3],
        "steps": [7, 9],
    }


def test_findings_whose_batches_are_named_are_documented() -> None:
    assert DIAGNOSES.keys() >= OF_BATCHES
