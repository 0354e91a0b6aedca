"""Pages of training."""

from django.urls import path

from training import data_set_views

app_name = "training"
urlpatterns = [
    path("training/data-sets/", data_set_views.data_sets, name="data-sets"),
    path("training/data-sets/new/", data_set_views.data_set_choose, name="data-set-choose"),
    path("training/data-sets/new/<slug:stage>/", data_set_views.data_set_new, name="data-set-new"),
    path("training/data-sets/<uuid:pk>/", data_set_views.data_set, name="data-set"),
    path("training/data-sets/<uuid:pk>/cancel/", data_set_views.data_set_cancel, name="data-set-cancel"),
    path("training/data-sets/<uuid:pk>/file/", data_set_views.data_set_file, name="data-set-file"),
]
