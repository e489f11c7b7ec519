"""The ways in: Python functions, torch modules, shared libraries, commands and ONNX models as subjects of the judge."""
