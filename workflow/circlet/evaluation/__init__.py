"""From predictions to tables, pictures and pages."""
