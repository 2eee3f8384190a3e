"""Tasks (data, network and objective together), what each is run with by profile, and your own beside them."""

from lthlib.tasks.catalogue import TASKS, WIDTHS
from lthlib.tasks.nearest import in_words, nearest_profile
from lthlib.tasks.overview import overview
from lthlib.tasks.profiles import OWN, PROFILE_NAMES, PROFILES, Profile
from lthlib.tasks.resolve import Prepared, find_task, prepare, resolve
from lthlib.tasks.task import Task
