"""``instructsam annotate``: write and inspect descriptions of objects in a browser."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from instructsam_ros.errors import MissingDependencyError

LOOPBACK = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="annotation folder, see docs/annotate.md")
    parser.add_argument("--sets", type=Path, metavar="FILE", help="make the folder from data sets with masks")
    parser.add_argument("--port", type=int, default=8321, help="of the web page (default 8321)")
    parser.add_argument("--token", default="", help="in the page's address (default: a new one)")


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    try:
        import uvicorn
    except ImportError:
        raise MissingDependencyError(
            "the annotation tool needs FastAPI and uvicorn: pip install 'instructsam-ros[annotate,training]'"
        ) from None
    from instructsam_ros.training.annotation.from_sets import write_folder
    from instructsam_ros.training.annotation.server import build_app

    if args.sets:
        print(f"{args.folder}: {write_folder(args.sets, args.folder)} items")
    token = args.token or secrets.token_urlsafe(16)
    app = build_app(args.folder, token)
    print(f"open http://{LOOPBACK}:{args.port}/?token={token} (Ctrl-C ends)", flush=True)
    uvicorn.run(app, host=LOOPBACK, port=args.port, log_level="warning")
    return 0
