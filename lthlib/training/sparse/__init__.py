"""Training that does not multiply zeros: kernels for the weights that a mask keeps."""

from lthlib.training.sparse.network import SparseNetwork
from lthlib.training.sparse.rule import PartialPlan, Plan, in_words, plan, plan_partial
