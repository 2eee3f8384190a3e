"""The papers: their claims, the map of the field, the report beside what was measured, and its reproduction."""
