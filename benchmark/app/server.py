"""The server of the page, which listens on this machine alone and lets the page ask no other one."""

from __future__ import annotations

import logging
import signal
import socket
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.app.boards import find_boards
from benchmark.app.page import build, import_gradio
from benchmark.app.readiness import ready_codecs, ready_judges
from benchmark.app.records import LARGEST_FILE
from benchmark.app.view import CSS
from benchmark.core.errors import BenchmarkError
from benchmark.core.workspace import Workspace

logger = logging.getLogger(__name__)
HOST = "127.0.0.1"
FIRST_PORT, PORTS = 7860, 100
"""The first port that is tried, and how many."""
SERVED = {".css", ".html", ".js", ".json", ".png", ".svg"}
"""Endings of the files of the results that are served, for the web pages of `rank`."""
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'self'; object-src 'none'"
)
"""The Content-Security-Policy by which a browser refuses whatever the page would ask of other addresses."""
Message = MutableMapping[str, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def serve(networks: Sequence[str], predictors: Sequence[str], suite: str, workspace: Workspace, *, port: int) -> None:
    """Show the page until the process is stopped; nothing of the uploads is left.

    Args:
        networks: names of networks; see `ready_judges`, also for the errors.
        predictors: names of predictors.
        suite: the suite of the predictors.
        workspace: folders and device.
        port: the port, or 0 for the first free one from FIRST_PORT on.

    Raises:
        BenchmarkError: the port is taken.
        PluginError: Gradio is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="utilbench-app-") as name:
        folder = Path(name).resolve()
        import_gradio(folder)  # before networks are loaded, which takes longer
        with listening(port) as listener:
            judges = ready_judges(networks, predictors, suite, workspace)
            page = build(judges, suite, ready_codecs(), find_boards(workspace), folder)
            run(application(page, workspace.results), listener)


def run(app: Any, listener: socket.socket) -> None:
    """Answer requests until the process is interrupted or terminated."""
    import uvicorn

    address = f"http://{HOST}:{listener.getsockname()[1]}"
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a terminated server cleans up, too
    logger.info(f"{address} shows the page, on this machine alone; Ctrl-C ends it")
    try:
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])
    except KeyboardInterrupt:  # what uvicorn passes on after it has closed all connections
        logger.info("the page is closed")


def listening(port: int) -> socket.socket:
    """A socket that listens on this machine alone, at this port, or if it is 0 at the first free one from FIRST_PORT on."""
    ports = [port] if port else range(FIRST_PORT, FIRST_PORT + PORTS)
    for number in ports:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
            listener.listen()
            return listener
        except OSError as error:
            listener.close()
            reason = error.strerror or str(error)
    what = f"port {port} cannot be used ({reason})" if port else f"no port from {ports[0]} to {ports[-1]} is free"
    raise BenchmarkError(f"{what}; --port names another one")


def application(page: Any, results: Path) -> Any:
    """The page and the web pages of the results, as an application of ASGI."""
    import fastapi
    import gradio
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.staticfiles import StaticFiles

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    if results.is_dir():
        app.mount("/pages", only_pages(StaticFiles(directory=results)))
    system = ("system-ui", "sans-serif")
    gradio.mount_gradio_app(
        app,
        page,
        "/",
        server_name=HOST,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=LARGEST_FILE * 2**20,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gradio.themes.Base(font=system, font_mono=("ui-monospace", "monospace")),
        css_paths=CSS,
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return with_policy(app)


def only_pages(files: Application) -> Application:
    """The files whose names end as those of web pages; of all others it is said that they are not there."""
    from starlette.responses import PlainTextResponse

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        served = Path(scope["path"]).suffix in SERVED
        await (files if served else PlainTextResponse("no page", status_code=404))(scope, receive, send)

    return answer


def with_policy(app: Application) -> Application:
    """The same application, whose answers carry POLICY."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(b"content-security-policy", POLICY.encode()), (b"referrer-policy", b"no-referrer")]
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        await app(scope, receive, send_with_policy)

    return answer
