"""Changes the installed packages so that a cold start imports less of them, and drops what no one reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Replacement:
    """One place in an installed file, where moving an import is not enough."""

    file: str
    old: str
    new: str


_DEPRECATED = """try:
    from warnings import deprecated
except ImportError:  # before Python 3.13
    from typing_extensions import deprecated
"""

REPLACEMENTS = (
    # Python keeps frames in chunks of 16 kB and maps one anew at every call across a chunk's end. Where the imports of
    # boto3 are deepest, urllib3 and the email package compile regular expressions, whose calls cross it a thousand
    # times: 0.04 of a bare client. Imported first, they do so near the top.
    Replacement("boto3/__init__.py", "import logging\nfrom logging", "import logging\n\nimport urllib3\nfrom logging"),
    # Asks a class of s3transfer whether it is that of a newer release than the oldest that boto3 works with.
    Replacement(
        "boto3/compat.py",
        "TRANSFER_CONFIG_SUPPORTS_CRT = hasattr(TransferConfig, 'UNSET_DEFAULT')",
        "TRANSFER_CONFIG_SUPPORTS_CRT = True",
    ),
    # For Session.resource, which finds no data in the layer and says so before it asks for a factory.
    Replacement("boto3/session.py", "from .resources.factory import ResourceFactory\n", "\n"),
    Replacement(
        "boto3/session.py",
        """        self.resource_factory = ResourceFactory(
            self._session.get_component('event_emitter')
        )
""",
        "",
    ),
    *(
        Replacement(
            f"aws_lambda_powertools/utilities/{file}", "from typing_extensions import deprecated\n", _DEPRECATED
        )
        for file in ("batch/decorators.py", "data_classes/common.py", "data_classes/shared_functions.py")
    ),
    # Nobody asks Powertools where it is installed; everybody would import pathlib.
    Replacement("aws_lambda_powertools/__init__.py", "from pathlib import Path\n", "\n"),
    Replacement("aws_lambda_powertools/__init__.py", "PACKAGE_PATH = Path(__file__).parent\n", "\n"),
    # Reads the data as ``botocore_data.pack`` leaves it.
    Replacement(
        "botocore/loaders.py",
        """        for ext in _JSON_OPEN_METHODS:
            if os.path.isfile(file_path + ext):
""",
        """        for ext in ('.marshal', *_JSON_OPEN_METHODS):
            if os.path.isfile(file_path + ext):
""",
    ),
    Replacement(
        "botocore/loaders.py",
        """        for ext, open_method in _JSON_OPEN_METHODS.items():
            data = self._load_file""",
        """        if os.path.isfile(file_path + '.marshal'):
            import marshal

            with open(file_path + '.marshal', 'rb') as fp:
                return marshal.loads(fp.read())
        for ext, open_method in _JSON_OPEN_METHODS.items():
            data = self._load_file""",
    ),
    # The same answer without a signature object for each of the 130 handlers that a session registers.
    Replacement(
        "botocore/compat.py",
        "    return inspect.getfullargspec(func)[2]\n",
        """    if hasattr(func, '__code__'):
        return bool(func.__code__.co_flags & inspect.CO_VARKEYWORDS)
    return inspect.getfullargspec(func)[2]
""",
    ),
    # Splits a name once, not once for each alias it may have.
    Replacement(
        "botocore/hooks.py",
        """        for old_part, new_part in self._event_aliases.items():
            # We can't""",
        """        event_parts = event_name.split('.')
        for old_part, new_part in self._event_aliases.items():
            # We can't""",
    ),
    Replacement(
        "botocore/hooks.py",
        """            # there.
            event_parts = event_name.split('.')
            if""",
        """            # there.
            if""",
    ),
)


def replace(packages: Path, replacements: tuple[Replacement, ...] = REPLACEMENTS) -> None:
    """Raises LookupError unless each old text stands in its file once: another release may have another."""
    for each in replacements:
        file = packages / each.file
        text = file.read_text(encoding="utf-8")
        if text.count(each.old) != 1:
            raise LookupError(f"{each.file} does not hold once: {each.old.strip()}")
        file.write_text(text.replace(each.old, each.new), encoding="utf-8")


def drop(packages: Path, names: Iterable[str]) -> None:
    """Remove files and folders, and the installer's notes; licences and METADATA stay.

    Raises LookupError for a name that is not there: another release may have moved what it meant.
    """
    for place in (packages / name for name in names):
        if place.is_dir():
            shutil.rmtree(place)
        elif place.exists():
            place.unlink()
        else:
            raise LookupError(f"there is no {place.relative_to(packages)} to leave out")
    for note in ("INSTALLER", "RECORD", "REQUESTED", "WHEEL", "top_level.txt", "direct_url.json"):
        for path in packages.glob(f"*.dist-info/{note}"):
            path.unlink()
