"""Reports as one HTML file that opens offline: charts drawn here, a script for zoom and filters."""
