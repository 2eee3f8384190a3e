"""The animation, the explorer of stored results, and the laboratory."""

from lthlib.widgets.animation import Animation, watch
from lthlib.widgets.explorer import Explorer, explore
from lthlib.widgets.lab import Lab, lab
