"""The user-item-tag three towers of the V1 report, as they are served: by ONNX Runtime, without torch.

They are trained by `python -m training.towers`; what it writes is loaded by `manage.py towers load FILE`.
"""
