"""The wait forecast: NumPy on an immutable snapshot; knows neither Flask nor SQLAlchemy."""
