"""`python -m panel_app [--with-parent]`: serve the app until it is told to stop."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import socket
import sys
import threading

from core.config import Settings, TalkerError
from panel_app import app


def free_port(address: str) -> int:
    """Return a port nobody listens on; the origin a browser may come from must be known before the server is made."""
    with socket.create_server((address, 0)) as probe:
        return int(probe.getsockname()[1])


def stop_with_parent() -> None:
    """End this process as if told to when standard input closes, which it does when whoever started us dies."""
    while os.read(0, 4096):  # sys.stdin's own lock would trouble Python's end
        pass
    os.kill(os.getpid(), signal.SIGTERM)


# What these tell of is a browser tab that was closed while it was written to, or a layout that is as it should be.
CHATTY = ("asyncio", "bokeh.core.validation.check", "bokeh.server.protocol_handler", "bokeh.server.views.ws")


def main() -> int:
    """Serve; say in one line of JSON where."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings = Settings.from_env()
    port = settings.app_port or free_port(settings.app_address)
    server = app.serve(settings, port)
    if "--with-parent" in sys.argv[1:]:
        threading.Thread(target=stop_with_parent, daemon=True).start()
    server.start()
    loop = server.io_loop
    gc.freeze()  # what is here now stays: it need not be looked through each time a page is let go of
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.add_callback_from_signal(loop.stop))
    sys.stdout.write(json.dumps({"app": f"http://{settings.app_address}:{port}"}) + "\n")
    sys.stdout.flush()
    loop.start()
    server.stop()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TalkerError as error:
        sys.exit(str(error))
