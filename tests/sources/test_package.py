import sys

import pytest

from pipeline.errors import SourceError
from pipeline.sources.package import package_folder, package_root


@pytest.fixture
def installed(tmp_path, monkeypatch):
    package = tmp_path / "site" / "petset_for_tests"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return package


def test_a_package_is_found_without_being_imported(installed):
    assert package_root("petset_for_tests") == installed
    assert package_folder("petset_for_tests", "model") == installed / "model"
    assert package_folder("petset_for_tests") == installed
    assert "petset_for_tests" not in sys.modules


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("no_such_package_at_all", "the package 'no_such_package_at_all' is not installed"),
        ("os.path", "'os.path' is no import name of a package"),
        ("", "'' is no import name of a package"),
        ("../x", "'../x' is no import name of a package"),
        ("this", "'this' is a single module"),
    ],
)
def test_what_is_no_installed_package_is_refused(package, message):
    with pytest.raises(SourceError) as error:
        package_root(package)
    assert message in str(error.value)


def test_a_missing_folder_of_a_package_gets_the_nearest_name(installed):
    with pytest.raises(SourceError) as error:
        package_folder("petset_for_tests", "modle")
    assert error.value.remedy == "did you mean 'model'?"
