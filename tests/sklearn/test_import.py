"""What is imported when, and what is said where scikit-learn is missing."""

import subprocess
import sys

import pytest

pytest.importorskip("sklearn")


def printed(code):
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_package_imports_nothing_of_scikit_learn():
    code = "import sys, deltaloop; print(sorted({'sklearn', 'scipy', 'joblib'} & set(sys.modules)))"
    assert printed(code) == "[]"


def test_estimators_are_found_in_the_package():
    assert printed("import deltaloop; print(deltaloop.sklearn.MLPClassifier())") == (
        "MLPClassifier()"
    )


def test_missing_package_is_told_with_the_extra():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "try:\n    import deltaloop.sklearn\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )
    assert printed(code) == (
        "MissingDependencyError deltaloop.sklearn needs the package 'scikit-learn', which is not "
        'installed; install it with: pip install "deltaloop[sklearn]"'
    )
