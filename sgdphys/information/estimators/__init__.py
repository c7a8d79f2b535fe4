"""Estimators of the information of a layer about inputs and labels."""
