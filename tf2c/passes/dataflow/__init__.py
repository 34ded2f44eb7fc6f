"""Passes of stage `dataflow`: lay the network out as jobs of an engine."""
