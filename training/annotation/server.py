"""The web server of the annotation tool: a static page and JSON, on this machine alone, behind a token."""

from __future__ import annotations

import hmac
import json
import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InstructSamError, InvalidInputError, MissingDependencyError
from instructsam_ros.training.annotation.agreement import choice_agreement, verdict_agreement
from instructsam_ros.training.annotation.items import Item, read_items
from instructsam_ros.training.annotation.store import Annotation, AnnotationStore, StaleError, Verdicts

PAGE = Path(__file__).parent / "page"
COOKIE = "instructsam_token"
HEADERS = {
    # The page loads nothing from elsewhere, and no other page may show or read it.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
MAX_BODY = 32 * 2**20


class Api:
    """What the page asks for, as JSON-able objects. Raises InstructSamError for bad requests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.items = folder, read_items(folder)
        self.by_id = {item.id: item for item in self.items}
        self.store = AnnotationStore(folder)

    def state(self) -> dict[str, Any]:
        """All items without masks, all annotations and verdicts, and how far people agree."""
        annotations, verdicts = self.store.annotations(), self.store.verdicts()
        return {
            "items": [self._summary(item) for item in self.items],
            "annotations": [each.model_dump() for each in annotations],
            "verdicts": [each.model_dump() for each in verdicts],
            "agreement": {"choice": choice_agreement(annotations), **asdict(verdict_agreement(verdicts))},
        }

    def masks(self, id_: str) -> dict[str, Any]:
        """The instances of an item: runs of 0 and 1 in turn, row by row, of each mask."""
        item = self.item(id_)
        runs = []
        for mask in item.masks():
            flat = mask.reshape(-1)
            edges = [0, *((flat[1:] != flat[:-1]).nonzero()[0] + 1).tolist(), len(flat)]
            lengths = [b - a for a, b in pairwise(edges)]
            runs.append([0, *lengths] if flat[0] else lengths)
        return {"runs": runs, "width": item.width, "height": item.height}

    def save(self, data: Any) -> dict[str, Any]:
        """Store an annotation. Raises StaleError for one of an older revision."""
        annotation = _validated(Annotation, data)
        self._check(annotation)
        return self.store.save(annotation).model_dump()

    def judge(self, data: Any) -> dict[str, Any]:
        """Store verdicts."""
        verdicts = _validated(Verdicts, data)
        self.item(verdicts.item)
        return self.store.judge(verdicts).model_dump()

    def export(self) -> dict[str, Any]:
        """All annotations and verdicts."""
        return {
            "annotations": [each.model_dump() for each in self.store.annotations()],
            "verdicts": [each.model_dump() for each in self.store.verdicts()],
        }

    def import_(self, data: Any, person: str) -> dict[str, Any]:
        """Store exported annotations as those of a person, over what this person has of the same items.

        Where there are some of this person, only these. Nothing is stored where one of them cannot be.
        """
        entries = data.get("annotations") if isinstance(data, dict) else None
        if not isinstance(entries, list):
            raise InvalidInputError("an import is {annotations: [...]}, as the export writes it")
        stored = {(each.item, each.person): each.revision for each in self.store.annotations()}
        everyone = [_validated(Annotation, entry) for entry in entries]
        annotations = []
        for annotation in [each for each in everyone if each.person == person] or everyone:
            revision = stored.get((annotation.item, person), 0)
            annotation = annotation.model_copy(update={"person": person, "revision": revision})
            self._check(annotation)
            annotations.append(annotation)
        if len({annotation.item for annotation in annotations}) < len(annotations):
            raise InvalidInputError("the import has several annotations of an item; export one person's only")
        for annotation in annotations:
            self.store.save(annotation)
        return {"imported": len(annotations)}

    def item(self, id_: str) -> Item:
        """An item by id. Raises InvalidInputError for one that is not there."""
        if id_ not in self.by_id:
            raise InvalidInputError(f"there is no item {id_!r}")
        return self.by_id[id_]

    def picture(self, id_: str) -> Path:
        """The image file of an item."""
        path = self.folder / self.item(id_).image
        if not path.resolve().is_relative_to(self.folder.resolve()) or not path.is_file():
            raise InvalidInputError(f"there is no image {path}")
        return path

    def _check(self, annotation: Annotation) -> None:
        item = self.item(annotation.item)
        for subset in annotation.subsets:
            if any(point.instance >= len(item.instances) for point in subset.points):
                raise InvalidInputError(f"{item.id} has {len(item.instances)} instances")

    def _summary(self, item: Item) -> dict[str, Any]:
        instances = [{"noun": each["noun"], "words": each["words"]} for each in item.instances]
        return {**asdict(item), "instances": instances}


def build_app(folder: Path, token: str) -> Any:
    """Return the ASGI application for an annotation folder.

    Raises InvalidInputError for a folder without items, MissingDependencyError without FastAPI.
    """
    try:
        from fastapi import FastAPI, Request, Response
        from fastapi.concurrency import run_in_threadpool
        from starlette.responses import FileResponse, JSONResponse, RedirectResponse
    except ImportError:
        raise MissingDependencyError(
            "the annotation tool needs FastAPI and uvicorn: pip install 'instructsam-ros[annotate,training]'"
        ) from None
    api = Api(folder)
    app = FastAPI(title="instructsam annotate", docs_url=None, redoc_url=None, openapi_url=None)

    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        given = request.query_params.get("token") or request.cookies.get(COOKIE, "")
        if host not in ("127.0.0.1", "localhost", "[::1]"):  # a page of another name that leads here
            response: Response = JSONResponse({"error": "this server answers on the loopback only"}, 403)
        elif not hmac.compare_digest(given.encode(), token.encode()):
            response = JSONResponse({"error": "open the address that instructsam annotate printed"}, 403)
        elif request.query_params.get("token"):
            response = RedirectResponse(request.url.path)
            response.set_cookie(COOKIE, token, httponly=True, samesite="strict")
        else:
            response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    async def answer(work: Callable[[], Any]) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(work))
        except StaleError as error:
            return JSONResponse({"error": str(error)}, 409)
        except InstructSamError as error:
            return JSONResponse({"error": str(error)}, 400)

    async def body(request: Request) -> Any:
        content = await request.body()
        if len(content) > MAX_BODY:
            raise InvalidInputError("the request is too large")
        return json.loads(content)

    async def get(request: Request) -> Response:
        what, id_ = request.path_params["what"], request.query_params.get("item", "")
        works: dict[str, Callable[[], Any]] = {
            "state": api.state,
            "export": api.export,
            "masks": partial(api.masks, id_),
        }
        return await answer(works[what]) if what in works else JSONResponse({"error": "not found"}, 404)

    async def post(request: Request) -> Response:
        try:
            data = await body(request)
        except (ValueError, InvalidInputError) as error:
            return JSONResponse({"error": f"the request is no JSON: {error}"}, 400)
        person = request.query_params.get("person", "")
        what = request.path_params["what"]
        work: dict[str, Callable[[Any], Any]] = {
            "annotation": api.save,
            "verdicts": api.judge,
            "import": partial(api.import_, person=person),
        }
        return await answer(partial(work[what], data)) if what in work else JSONResponse({}, 404)

    async def picture(request: Request) -> Response:
        try:
            return FileResponse(api.picture(request.query_params.get("item", "")))
        except InvalidInputError as error:
            return JSONResponse({"error": str(error)}, 404)

    async def page(request: Request) -> Response:
        name = request.path_params.get("name") or "index.html"
        path = PAGE / name
        if path.parent != PAGE or not path.is_file():
            return JSONResponse({"error": "not found"}, 404)
        return FileResponse(path, media_type=mimetypes.guess_type(name)[0])

    app.middleware("http")(guard)
    app.add_route("/api/picture", picture, methods=["GET"])
    app.add_route("/api/{what}", get, methods=["GET"])
    app.add_route("/api/{what}", post, methods=["POST"])
    app.add_route("/", page, methods=["GET"])
    app.add_route("/{name}", page, methods=["GET"])
    return app


def _validated(kind: Any, data: Any) -> Any:
    from pydantic import ValidationError

    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
