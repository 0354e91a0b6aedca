"""Pages of the demo and of populations."""

from django.urls import path

from recommend import compare_views, exposure_views, population_views, prompt_views, views, why_views

app_name = "recommend"
urlpatterns = [
    path("demo/", views.demo, name="demo"),
    path("demo/runs/", views.run_create, name="run-create"),
    path("demo/runs/<uuid:pk>/", views.run_detail, name="run-detail"),
    path("demo/runs/<uuid:pk>/cancel/", views.run_cancel, name="run-cancel"),
    path("demo/runs/<uuid:pk>/again/", views.run_again, name="run-again"),
    path("demo/runs/<uuid:pk>/share/", views.run_share, name="run-share"),
    path("demo/runs/<uuid:pk>/ranking/", views.run_ranking, name="run-ranking"),
    path("demo/runs/<uuid:pk>/why/<uuid:item>/", why_views.run_why, name="run-why"),
    path("demo/runs/<uuid:pk>/compare/", compare_views.run_compare, name="run-compare"),
    path("demo/compare/<uuid:a>/with/<uuid:b>/", compare_views.comparison, name="comparison"),
    path("demo/compare/<uuid:a>/with/<uuid:b>/share/", compare_views.comparison_share, name="comparison-share"),
    path("demo/runs/<uuid:pk>/exposure/", exposure_views.run_exposure, name="run-exposure"),
    path("demo/shared/<uuid:key>/", views.run_shared, name="run-shared"),
    path("demo/shared/<uuid:key>/ranking/", views.shared_ranking, name="shared-ranking"),
    path("demo/shared/<uuid:key>/exposure/", exposure_views.shared_exposure, name="shared-exposure"),
    path("demo/shared/<uuid:key>/why/<uuid:item>/", why_views.shared_why, name="shared-why"),
    path("prompts/", prompt_views.prompts, name="prompts"),
    path("populations/", population_views.populations, name="populations"),
    path("populations/new/", population_views.population_new, name="population-new"),
    path("populations/count/", population_views.population_count, name="population-count"),
    path("populations/<uuid:pk>/", population_views.population, name="population"),
    path("populations/<uuid:pk>/pause/", population_views.population_pause, name="population-pause"),
    path("populations/<uuid:pk>/resume/", population_views.population_resume, name="population-resume"),
    path("populations/<uuid:pk>/cancel/", population_views.population_cancel, name="population-cancel"),
]
