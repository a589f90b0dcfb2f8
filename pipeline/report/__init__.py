"""The HTML report and its charts, drawn from what the stages have written."""
