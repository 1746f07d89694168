"""Photographs at addresses are those of a folder: in memory, and on a server that speaks S3's protocol."""

import contextlib
import functools
import http.server
import pickle
import shutil
import threading

import pytest
import torch

from benchmark.core.errors import DataError
from benchmark.core.images import pixel_digest
from benchmark.core.storage import location, read, stamp
from benchmark.core.workspace import Workspace
from benchmark.plugins.datasets import index, open_dataset
from benchmark.plugins.datasets.coco import COCO
from benchmark.plugins.datasets.imagenet import ImageNet

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
        location("s3://photographs").fs.mkdir("photographs")
        yield "s3://photographs"
    server.stop()


@pytest.fixture(scope="module")
def few(imagenet_data, tmp_path_factory):
    """A folder with a few of ImageNet's photographs."""
    folder, dataset = tmp_path_factory.mktemp("few"), ImageNet(imagenet_data)
    for source in dataset.sources()[:PHOTOGRAPHS]:
        path = dataset.files[source.id]
        copy = folder / "imagenet" / "val" / dataset.wnids[source.truth] / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
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
    there = Workspace.named(data=address).data
    upload(few, there)
    here, far = ImageNet(few), ImageNet(pickle.loads(pickle.dumps(there)))
    assert index(far, tmp_path / "far") == index(here, tmp_path / "here")
    assert len(far.sources()) == PHOTOGRAPHS
    for source in here.sources()[:3]:
        assert pixel_digest(far.read(source.id)) == pixel_digest(here.read(source.id))
        assert far.bits(source.id) == here.bits(source.id)


def test_a_changed_file_at_an_address_has_another_stamp(few):
    """The signature, under which digests are kept, follows a file's change."""
    there = location("memory://changing/data")
    upload(few, there)
    before = ImageNet(there).signature()
    assert ImageNet(there).signature() == before
    path = next(one for one in there.rglob("*.JPEG"))
    path.write_bytes(path.read_bytes() + b"\0")
    assert ImageNet(there).signature() != before
    assert stamp(path) == stamp(path)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word; says 503 to what has `broken` in its address."""

    def do_GET(self):
        if "broken" in self.path:
            self.send_error(503)
        else:
            super().do_GET()

    def do_HEAD(self):
        self.do_GET()

    def log_message(self, *told):
        pass


@contextlib.contextmanager
def served(folder):
    """Address of a web server here that serves the folder."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_coco_on_a_web_server_is_that_of_a_folder(coco_data):
    """Photographs and annotations that a web server gives are those of the folder that it serves."""
    with served(coco_data) as address:
        here, far = COCO(coco_data), COCO(location(address))
        assert [source.id for source in far.sources()] == [source.id for source in here.sources()]
        for source in here.sources()[:3]:
            assert far.content(source.id) == here.content(source.id)
            assert pixel_digest(far.read(source.id)) == pixel_digest(here.read(source.id))


class Sizes(torch.utils.data.Dataset):
    """Number of bytes of a file, read where it is asked for."""

    def __init__(self, path):
        self.path = path

    def __len__(self):
        return 2

    def __getitem__(self, number):
        return len(read(self.path))


def test_workers_read_from_an_address_that_their_parent_has_read_from(tmp_path):
    """A file system that does not survive a fork is opened anew in a DataLoader's worker."""
    (tmp_path / "photograph").write_bytes(b"12345")
    with served(tmp_path) as address:
        path = location(address) / "photograph"
        assert read(path) == b"12345"
        loader = torch.utils.data.DataLoader(Sizes(path), num_workers=1, multiprocessing_context="fork", timeout=60)
        assert [int(size) for size in loader] == [5, 5]


def test_a_changed_file_on_a_web_server_has_another_stamp(tmp_path):
    """Size and time that the server tells are in the stamp."""
    with served(tmp_path) as address:
        path = location(address) / "photograph"
        (tmp_path / "photograph").write_bytes(b"12345")
        before = stamp(path)
        assert stamp(path) == before
        (tmp_path / "photograph").write_bytes(b"123456")
        assert stamp(path) != before


def test_a_server_that_fails_is_named(tmp_path):
    """What a file system raises of its own arrives as a DataError with the address."""
    with served(tmp_path) as address:
        for name in ("broken", "missing"):
            with pytest.raises(DataError, match=f"{address}/{name}"):
                read(location(address) / name)
        with pytest.raises(DataError, match="broken"):
            open_dataset({"name": "coco"}, location(f"{address}/broken"))


def test_s3_without_credentials_is_named(bucket, monkeypatch):
    """Credentials that are missing are told with the address, in one line."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    pytest.importorskip("s3fs", reason="s3fs is not installed").S3FileSystem.clear_instance_cache()
    with pytest.raises(DataError, match=r"s3://elsewhere.*[Cc]redentials"):
        open_dataset({"name": "imagenet"}, location("s3://elsewhere/data"))


def test_an_address_of_no_known_kind_is_named():
    """An address that fsspec does not know raises DataError with it."""
    with pytest.raises(DataError, match="nowhere://photographs"):
        location("nowhere://photographs")


def test_photographs_that_are_not_at_an_address_are_named():
    """An address without ImageNet raises DataError with the address."""
    with pytest.raises(DataError, match="memory://empty/data/imagenet"):
        open_dataset({"name": "imagenet"}, location("memory://empty/data"))
