"""The schema as a page: Swagger UI from our own files, within the content security policy."""

from drf_spectacular.views import SpectacularSwaggerSplitView


class DocsView(SpectacularSwaggerSplitView):
    """drf-spectacular's page with its script apart, and our template without an inline style."""

    url_name = "api:schema"
    template_name = "recgpt_site/api_docs.html"
    title = "RecGPT Studio API"
