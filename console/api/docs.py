"""The interactive page at `/docs`, with everything it needs from this machine: no internet, no other site."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, Response

from .errors import ApiError

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_ONLY_FROM_HERE = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def docs_pages(title: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=title,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon-32x32.png",
        swagger_ui_parameters={"validatorUrl": None, "tryItOutEnabled": True, "displayRequestDuration": True},
    )

    @router.get("/")
    async def front() -> JSONResponse:
        """To the page, and in words for who follows no redirection, as curl."""
        return JSONResponse({"name": title, "docs": "/docs"}, 307, {"Location": "/docs"})

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        return HTMLResponse(page.body, headers={"Content-Security-Policy": _ONLY_FROM_HERE})

    @router.get("/docs/{name}")
    async def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise ApiError(404, "not_found", "There is nothing at this address: see /docs.")
        lasting = {"Cache-Control": "max-age=86400"}
        return Response(_asset(name), media_type=_ASSETS[name], headers=lasting)

    return router


@cache
def _asset(name: str) -> bytes:
    return files("fastapi_swagger.resources").joinpath(name).read_bytes()
