"""The image, built once for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.deploy.containers import Image


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """What the Dockerfile makes, in a folder; it takes half a minute."""
    return Image.build(tmp_path_factory.mktemp("image"))
