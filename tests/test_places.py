"""Photographs at addresses are those of a folder: in memory, and on a server that speaks S3's protocol."""

import functools
import http.server
import pickle
import shutil
import threading

import pytest

from benchmark.datasets import index, open_dataset
from benchmark.datasets.coco import COCO
from benchmark.datasets.imagenet import ImageNet
from benchmark.errors import DataError
from benchmark.images import pixel_digest
from benchmark.places import place, stamp
from benchmark.runtime import Paths

PHOTOGRAPHS = 12


@pytest.fixture(scope="module")
def bucket():
    """Address of a bucket on a server here that speaks S3's protocol."""
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        place("s3://photographs").fs.mkdir("photographs")
        yield "s3://photographs"
    server.stop()


@pytest.fixture(scope="module")
def few(imagenet_data, tmp_path_factory):
    """A folder with a few of ImageNet's photographs."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted((imagenet_data / "imagenet" / "val").rglob("*.JPEG"))[:PHOTOGRAPHS]:
        copy = folder / path.relative_to(imagenet_data)
        copy.parent.mkdir(parents=True)
        shutil.copy(path, copy)
    return folder


def upload(folder, there):
    """Copy a folder's files to an address."""
    for path in folder.rglob("*"):
        if path.is_file():
            (there / path.relative_to(folder).as_posix()).write_bytes(path.read_bytes())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # botocore's own
@pytest.mark.parametrize("where", ["memory", "s3"])
def test_imagenet_at_an_address_is_that_of_a_folder(where, few, request, tmp_path):
    """Ids, classes, digests and pixels are the same, in another process too, where the address arrives pickled."""
    address = f"{request.getfixturevalue('bucket')}/{where}" if where == "s3" else "memory://photographs/data"
    there = Paths.named(data=address).data
    upload(few, there)
    here, far = ImageNet(few), ImageNet(pickle.loads(pickle.dumps(there)))
    assert index(far, tmp_path / "far") == index(here, tmp_path / "here")
    assert len(far.sources()) == PHOTOGRAPHS
    for source in here.sources()[:3]:
        assert pixel_digest(far.read(source.id)) == pixel_digest(here.read(source.id))
        assert far.bits(source.id) == here.bits(source.id)


def test_a_changed_file_at_an_address_has_another_stamp(few):
    """The signature, under which digests are kept, follows a file's change."""
    there = place("memory://changing/data")
    upload(few, there)
    before = ImageNet(there).signature()
    assert ImageNet(there).signature() == before
    path = next(one for one in there.rglob("*.JPEG"))
    path.write_bytes(path.read_bytes() + b"\0")
    assert ImageNet(there).signature() != before
    assert stamp(path) == stamp(path)


def test_coco_on_a_web_server_is_that_of_a_folder(coco_data):
    """Photographs and annotations that a web server gives are those of the folder that it serves."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *told):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=coco_data))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        here, far = COCO(coco_data), COCO(place(f"http://127.0.0.1:{server.server_port}"))
        assert [source.id for source in far.sources()] == [source.id for source in here.sources()]
        for source in here.sources()[:3]:
            assert far.content(source.id) == here.content(source.id)
            assert pixel_digest(far.read(source.id)) == pixel_digest(here.read(source.id))
    finally:
        server.shutdown()
        server.server_close()


def test_an_address_of_no_known_kind_is_named():
    """An address that fsspec does not know raises DataError with it."""
    with pytest.raises(DataError, match="nowhere://photographs"):
        place("nowhere://photographs")


def test_photographs_that_are_not_at_an_address_are_named():
    """An address without ImageNet raises DataError with the address."""
    with pytest.raises(DataError, match="memory://empty/data/imagenet"):
        open_dataset({"name": "imagenet"}, place("memory://empty/data"))
