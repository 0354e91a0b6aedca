"""Template filters of the pipeline's pages."""

from django import template

from recommend import wording

register = template.Library()

register.filter("money", wording.money)
register.filter("duration", wording.duration)
register.filter("pace", wording.pace)
