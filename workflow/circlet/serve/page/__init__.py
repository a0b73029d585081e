"""The web page: `app.py` is the script that Streamlit runs, the rest does not know Streamlit."""
