"""Doors to the model beside the command line: HTTP, AWS and a web page, all over `Predictor`."""
