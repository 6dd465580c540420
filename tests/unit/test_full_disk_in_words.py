"""What libraries raise on a full disk becomes the sentence on full disks."""

import errno

import pytest

from neuropipe.errors import BadInput
from resources.files.safe_files import storage_trouble_in_words


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError("29003 requested and 2552 written")]
)
def test_full_disks(tmp_path, error):
    with pytest.raises(BadInput, match=r"the disk of .* is full: x needs"), storage_trouble_in_words(tmp_path, "x"):
        raise error


def test_other_trouble_keeps_its_words(tmp_path):
    with pytest.raises(BadInput, match="x did not get into .*: strange"), storage_trouble_in_words(tmp_path, "x"):
        raise OSError("strange")
