"""Analog-to-digital converters: the nominal one, and how real ones depart from it."""
