"""Tables of training."""

from training.models.data_sets import DataSet, DataSetFixedError, EvaluationSet

__all__ = ["DataSet", "DataSetFixedError", "EvaluationSet"]
