"""Running the application until it is stopped, in this process or in several that share one port."""

from __future__ import annotations

import gc
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence

import sqlalchemy as sa
import uvicorn

from customs.errors import InvalidConfig
from portcullis import logs
from portcullis.memory import give_back_large_blocks
from portcullis.model_sets import DEFAULT, set_folder, verified
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import account
from portcullis.store.engine import open_store
from portcullis.store.model_choices import Choice, Part, current

log = logging.getLogger("portcullis.server")
# Each piece of a body that arrives waits this long for a thread that scores: by default 5 ms, a hundred times
# for one scan.
_SWITCH_SECONDS = 0.0005


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; a port that is taken or an address that is not ours is an `InvalidConfig`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise InvalidConfig(
            f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0)})",
            field="port",
            remedy="give a free port with --port, or 0 for any",
        ) from None


def address_of(listener: socket.socket, settings: Settings) -> str:
    """The address that people open."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if settings.https else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"


def serve_all(
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[str, Sequence[str]], None],
    service: Service | None = None,
) -> None:
    """Serve with as many processes as the settings say; `ready` is told the address and the models' versions.

    service: one that is open already, used or closed.
    """
    _one_thread()
    if settings.workers > 1:
        from portcullis.supervisor import supervise

        if service is None:
            engine = open_store(settings.store_url)
            live = current(engine, Part.LIVE)
            with engine.connect() as connection:
                _hint(connection.scalar(sa.select(sa.func.count()).select_from(account)) or 0)
            engine.dispose()
            versions = list(_verified(settings, live).values())
        else:
            versions = list(service.models.versions.values())
            service.close()
        supervise(settings, listener, lambda address: ready(address, versions))
        return
    service = service or open_service(settings)
    _hint(service.accounts.count())
    found = list(service.models.versions.values())
    serve(service, listener, lambda address: ready(address, found))


def open_service(settings: Settings) -> Service:
    """A service with the live set of models loaded, following what is chosen from now on."""
    engine = open_store(settings.store_url)
    live = current(engine, Part.LIVE)
    engine.dispose()
    name = DEFAULT if live is None or live.name is None else live.name
    _verified(settings, live)
    models = Models.find(set_folder(settings.models, name), settings.device)
    service = Service.open(settings, models)
    service.follow_choices(name)
    return service


def _verified(settings: Settings, live: Choice | None) -> dict[str, str]:
    """Versions of the live set, which have to be those that were chosen, if somebody chose."""
    name = DEFAULT if live is None or live.name is None else live.name
    found = verified(settings.models, name)
    if live is not None and found != dict(live.versions):
        raise InvalidConfig(
            f"the models of {name} are not those that were made live",
            field="models",
            remedy=f"run `portcullis models live {name}`, or put the earlier files back",
        )
    return found


def _hint(accounts: int) -> None:
    if accounts == 0:
        print("there is no account yet: run `portcullis user add NAME`", file=sys.stderr)


def serve(service: Service, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Warm the models up, tell `ready` the address, and answer until a signal comes.

    Then nothing new is accepted, and what was accepted is finished within `shutdown_seconds`; what takes
    longer is cut off by leaving at once with exit code 1.
    """
    from portcullis.api.app import make_app
    from portcullis.broking.list_runner import ListRunner
    from portcullis.jobs.executor import executor_of

    settings = service.settings
    logs.configure(settings)
    sys.setswitchinterval(_SWITCH_SECONDS)
    give_back_large_blocks()
    app = make_app(service)
    service.warm_up()
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # `client_address` reads them, from those proxies that the settings name
            timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
        ),
        service,
    )
    server.leave_quietly()
    # looking through the models for garbage, again and again, would hold every answer up for 0.2 s
    gc.collect()
    gc.freeze()
    log.info("serving", extra={"pid": os.getpid(), "models": dict(service.models.versions)})
    ready(address_of(listener, settings))
    service.alerting.start()
    service.board.start(executor_of(service))
    lists = ListRunner(service.broking.lists)
    lists.start()
    try:
        server.run(sockets=[listener])
    finally:
        lists.stop()
        service.board.stop()
        done = service.close(1.0 if server.cut_off else None)
    log.info("stopped", extra={"pid": os.getpid(), "complete": done and not server.cut_off})
    if not done or server.cut_off:
        os._exit(1)  # threads that still work for those who were cut off would keep the process


def _one_thread() -> None:
    """Models this small lose more to a second thread than they gain; more cores are for more workers."""
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = "1"  # for what is not loaded yet, and for workers
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)


class _Server(uvicorn.Server):
    """Says that it stops before it waits for connections, and ends without dying of the signal."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service
        self.cut_off = False

    def leave_quietly(self) -> None:
        """uvicorn raises the signal again when it has stopped; by then the store is still to be closed."""
        if threading.current_thread() is threading.main_thread():
            for name in (signal.SIGTERM, signal.SIGINT):
                signal.signal(name, lambda *_: setattr(self, "should_exit", True))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self.service.stopping.set()
        # streams never end by themselves: the server would wait for them as long as it may
        self.service.alerting.feed.close()
        await super().shutdown(sockets)
        self.cut_off = bool(self.server_state.tasks)
